"""Says in one phrase each what the kinds of blocks are."""

from collections.abc import Iterable, Mapping

KINDS: Mapping[str, str] = {
    "plain": "layers one after the other, without a skip",
    "residual": "a skip and a branch are added: x + F(x)",
    "gated_residual": "a skip and a branch behind a gate are added",
    "input_gate": "the input times a gate is one of the parts that are added",
    "gate": "a branch times a gate with values from 0 to 1",
    "product": "two branches that are multiplied",
    "dense": "what a branch makes is laid beside the input itself",
    "concat": "what several branches make is laid side by side",
    "sum": "several branches are added, without a skip",
    "state": "several values at once, as a skip that is carried past the block",
    "linear": "no activation: the same map for every input",
    "identity": "nothing is done",
    "other": "none of the other kinds",
}


def kinds_of(found: Iterable[str]) -> dict[str, str]:
    """The kinds that occur, each with its phrase."""
    met = set(found)
    return {kind.replace("_", " "): words for kind, words in KINDS.items() if kind in met}
