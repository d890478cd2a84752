"""Finds Jv by one pass forward over the graph that autograd recorded of a function.

The steps before are not run again, and no graph of a graph is made. Never imports a term.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import Node

from numeric.operators.recorded_steps import REFUSALS, Rule, Step, rule_of


@dataclass(frozen=True)
class _Pass:
    """One step: where its inputs' tangents lie, where its own goes, which are then done with."""

    rule: Rule
    inputs: tuple[int | None, ...]
    place: int
    spent: tuple[int, ...]


class RecordedPush:
    """v ↦ Jv of a recorded function.

    The source's tangent lies in place 0, the result in the last.
    """

    def __init__(self, passes: list[_Pass]) -> None:
        self._passes = passes

    def __call__(self, v: Tensor) -> Tensor:
        """Raises one of REFUSALS where a recorded step cannot be pushed through now."""
        tangents: dict[int, Tensor] = {0: v}
        with torch.inference_mode(False), torch.no_grad():
            for each in self._passes:
                tangents[each.place] = each.rule(
                    [None if place is None else tangents[place] for place in each.inputs]
                )
                for place in each.spent:
                    del tangents[place]
        (result,) = tangents.values()
        return result


def recorded_push(output: Tensor, source: Tensor) -> RecordedPush | None:
    """The push of a function from `source`, a leaf of the graph, to `output`.

    None where a step has no rule, or the output does not depend on the source. It is not verified.
    """
    if output.grad_fn is None:
        return None
    order = _varying(output.grad_fn, source)
    if len(order) < 2:
        return None
    places = {node: place for place, node in enumerate(order)}
    passes = []
    try:
        # Place 0 is that of the node which gathers the source's gradient.
        for place, node in enumerate(order[1:], 1):
            inputs = tuple(
                None if next_node is None else places.get(next_node)
                for next_node, _ in node.next_functions
            )
            step = Step(node, tuple(at is not None for at in inputs))
            passes.append(_Pass(rule_of(step), inputs, place, ()))
    except REFUSALS:
        return None
    return RecordedPush(_freeing(passes))


def _varying(last: Node, source: Tensor) -> list[Node]:
    """The nodes between `source` and `last`, each after those that it builds on."""
    varies: dict[Node, bool] = {}
    order: list[Node] = []
    pending = [(last, False)]
    while pending:
        node, ready = pending.pop()
        if node in varies:
            continue
        following = [each for each, _ in node.next_functions if each is not None]
        if not ready:
            pending.append((node, True))
            pending += [(each, False) for each in following if each not in varies]
            continue
        is_source = getattr(node, "variable", None) is source
        varies[node] = is_source or any(varies[each] for each in following)
        if is_source:
            order.insert(0, node)
        elif varies[node]:
            order.append(node)
    return order


def _freeing(passes: list[_Pass]) -> list[_Pass]:
    """Each tangent goes after its last use; the result stays."""
    last = {at: each.place for each in passes for at in each.inputs if at is not None}
    return [
        _Pass(
            each.rule,
            each.inputs,
            each.place,
            tuple(at for at, place in last.items() if place == each.place),
        )
        for each in passes
    ]
