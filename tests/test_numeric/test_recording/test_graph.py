"""Nodes list what they take once each, in order, however nested."""

import torch

from numeric.recording.graph import Node, Ref, refs


def test_inputs_are_each_named_once_in_order() -> None:
    args = ([Ref(3), Ref(1)], Ref(3), {"more": (Ref(0), 2.0)})
    node = Node(torch.cat, args, {"out": Ref(5)}, (6,), "cat", "", False, True)
    assert node.inputs == (3, 1, 0, 5)


def test_references_are_found_in_nested_arguments() -> None:
    assert [ref.value for ref in refs((Ref(1), [Ref(2)]), {"a": Ref(1), "b": "text"})] == [1, 2, 1]
