"""Draws terms of the block algebra together with the dimensions of their leaves. Free of torch."""

from dataclasses import dataclass

from hypothesis import strategies as st

from derivations.algebra.terms import (
    Add,
    Chain,
    Concat,
    Gate,
    Identity,
    Layer,
    Linear,
    Pointwise,
    Term,
)


@dataclass(frozen=True)
class DrawnTerm:
    """A term, the dimensions of its leaves, and those of its input and output."""

    term: Term
    dims: dict[str, tuple[int, int]]
    inputs: int
    outputs: int


@st.composite
def drawn_terms(draw, scalar: bool = False, depth: int = 3) -> DrawnTerm:
    """A term over fresh or repeated leaves; with `scalar`, every dimension is 1 and there is no
    concatenation.
    """
    dims: dict[str, tuple[int, int]] = {}
    sizes = st.just(1) if scalar else st.integers(1, 3)

    def leaf(inputs: int, outputs: int) -> Term:
        kinds = [Layer, Linear] + ([Pointwise] if inputs == outputs else [])
        kind = draw(st.sampled_from(kinds))
        if kind is Pointwise:
            return Pointwise(f"phi{draw(st.integers(0, 1))}")
        prefix = "F" if kind is Layer else "W"
        fitting = [
            name
            for name, shape in dims.items()
            if name.startswith(prefix) and shape == (outputs, inputs)
        ]
        name = draw(st.sampled_from([*fitting, f"{prefix}{len(dims)}"]))
        dims[name] = (outputs, inputs)
        return kind(name)

    def term(inputs: int, outputs: int, left: int) -> Term:
        choices = (
            ["leaf"]
            + (["identity"] if inputs == outputs else [])
            + (["chain", "add", "gate"] if left else [])
        )
        if left and outputs > 1 and not scalar:
            choices.append("concat")
        match draw(st.sampled_from(choices)):
            case "leaf":
                return leaf(inputs, outputs)
            case "identity":
                return Identity()
            case "chain":
                middle = draw(sizes)
                return Chain(term(inputs, middle, left - 1), term(middle, outputs, left - 1))
            case "add":
                return Add(
                    *(term(inputs, outputs, left - 1) for _ in range(draw(st.integers(2, 3))))
                )
            case "gate":
                return Gate(term(inputs, outputs, left - 1), term(inputs, outputs, left - 1))
            case _:
                first = draw(st.integers(1, outputs - 1))
                return Concat(
                    term(inputs, first, left - 1), term(inputs, outputs - first, left - 1)
                )

    inputs, outputs = draw(sizes), draw(sizes)
    return DrawnTerm(term(inputs, outputs, depth), dims, inputs, outputs)
