"""Nodes list what they take once each, in order, however nested."""

import torch

from numeric.recording.graph import Node, Recording, Ref, refs


def test_inputs_are_each_named_once_in_order() -> None:
    args = ([Ref(3), Ref(1)], Ref(3), {"more": (Ref(0), 2.0)})
    node = Node(torch.cat, args, {"out": Ref(5)}, (6,), "cat", "", False, True)
    assert node.inputs == (3, 1, 0, 5)


def test_references_are_found_in_nested_arguments() -> None:
    assert [ref.value for ref in refs((Ref(1), [Ref(2)]), {"a": Ref(1), "b": "text"})] == [1, 2, 1]


def test_what_to_do_with_several_outputs_names_them() -> None:
    def said(*names: str) -> str:
        return Recording((), (), (), {}, {}, (), names).one_result

    assert said() == (
        "pass a loss that uses one of them, as loss=lambda out: out[0].sum(), or --result 1"
    )
    assert "(out['a'], out.b), as loss=lambda out: out['a'].sum()" in said("['a']", ".b")
    assert said("[0]", "[1]") == said()
    assert said(*(f"['{k}']" for k in range(9))).count("out[") == 6
