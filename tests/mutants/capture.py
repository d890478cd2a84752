"""Mutants of `numeric/capture`: the tests beside it, or those of awkward models, must fail."""

from mutants.mutant import Mutant

MODULES = "tests/test_numeric/test_numeric_awkward_modules.py"
STATES = "tests/test_numeric/test_numeric_awkward_states.py"
REFUSALS = "tests/test_numeric/test_numeric_capture_refusals.py"

CAPTURE = [
    Mutant(
        "a hidden dependence is affine",
        "numeric/recording/operations.py",
        "if name not in ADDITIVE:",
        "if False:",
    ),
    Mutant(
        "a clamp with one end is bounded",
        "numeric/recording/operations.py",
        "for end in ends) >= 2",
        "for end in ends) >= 1",
    ),
    Mutant(
        "a product is affine in both",
        "numeric/recording/operations.py",
        "return len(active_at(node, active)) == 1",
        "return len(active_at(node, active)) >= 1",
    ),
    Mutant(
        "no_grad lets gradients through",
        "numeric/capture/flow.py",
        "if not node.tracked or",
        "if",
    ),
    Mutant(
        "complex values carry no gradient",
        "numeric/capture/flow.py",
        "return tensor.is_floating_point() or tensor.is_complex()",
        "return tensor.is_floating_point()",
        MODULES,
    ),
    Mutant(
        "what is overwritten lives on",
        "numeric/capture/flow.py",
        'name_of(node) == "copy":',
        'name_of(node) == "no copy":',
        MODULES,
    ),
    Mutant(
        "a replay keeps statistics",
        "numeric/capture/flow.py",
        "if given.get(switch):",
        "if False:",
    ),
    Mutant(
        "views are bound to one layout",
        "numeric/capture/flow.py",
        "if not node.whole and node.function in _BY_LAYOUT:",
        "if False:",
        MODULES,
    ),
    Mutant(
        "a concatenation of other parts is continued",
        "numeric/capture/repeats.py",
        "if (dim, dtype, *parts[-length:]) in known:",
        "if (dim, dtype, *parts[:length]) in known:",
    ),
    Mutant(
        "another shape is a copy",
        "numeric/capture/repeats.py",
        "if before.shape != after.shape or before.dtype != after.dtype:",
        "if before.dtype != after.dtype:",
    ),
    Mutant(
        "views are read as they were",
        "numeric/recording/recorder.py",
        "        _functionalize_sync(leaf)\n",
        "",
        MODULES,
    ),
    Mutant(
        "constants change after the fact",
        "numeric/recording/record.py",
        "if function._schema.is_mutable:\n            recorder.will_change",
        "if False:\n            recorder.will_change",
    ),
    Mutant(
        "changes that autograd does not see pass",
        "numeric/recording/recorder.py",
        "if lost or number in self._shadows:",
        "if False:",
        REFUSALS,
    ),
    Mutant(
        "random numbers are drawn anew",
        "numeric/capture/region.py",
        "node.drawn.put_back()",
        "pass",
    ),
    Mutant(
        "an early bound apply is not met",
        "numeric/recording/custom_functions.py",
        "function.__code__ = _other_code()",
        "pass",
        STATES,
    ),
    Mutant(
        "a constant is counted with every share",
        "numeric/capture/region.py",
        "return found if first else found",
        "return found if True else found",
    ),
    Mutant(
        "terms are written out at any size",
        "numeric/capture/segment_terms.py",
        "if self._leaves_in(term) > MOST_LEAVES:",
        "if False:",
        "tests/test_numeric/test_capture/test_capture.py",
    ),
    Mutant(
        "a regrouped batch is looked into",
        "numeric/capture/segment_terms.py",
        "if not self._fit(source, target):",
        "if False:",
    ),
    Mutant(
        "a sum with a factor has none",
        "numeric/capture/segment_terms.py",
        'scaled = node.kwargs.get("alpha", 1) != 1',
        "scaled = False",
    ),
    Mutant(
        "every product is a gate",
        "numeric/capture/kinds.py",
        'return "gate" if any(read.bounded_gates) else "product"',
        'return "gate"',
    ),
    Mutant(
        "cuts are found too early",
        "numeric/capture/dominators.py",
        "if reach <= index:",
        "if reach <= index + 1:",
    ),
    Mutant(
        "buffers stay changed",
        "numeric/recording/given.py",
        "if not torch.equal(tensor, value):",
        "if False:",
    ),
    Mutant(
        "modules that a function holds stay changed",
        "numeric/recording/given.py",
        'lambda module, args: held.take(f"({type(module).__name__})", module)',
        "lambda module, args: None",
    ),
    Mutant(
        "endless values pass",
        "numeric/capture/capture.py",
        "_check_finite(found, places)\n    return",
        "return",
        REFUSALS,
    ),
    Mutant(
        "a signal is another sample's",
        "validate/measure/signal_hooks.py",
        "signal = signals[output]",
        "signal = signals[output].flip(0) if signals[output] is not None else None",
        "tests/test_validate/test_measure/test_model_gains.py",
    ),
    Mutant(
        "captured values keep the graph of the model",
        "numeric/capture/capture.py",
        "value.detach() if kept",
        "value if kept",
    ),
    Mutant(
        "what a term reads is forgotten",
        "numeric/capture/capture.py",
        "needed.update(value for",
        "set().update(value for",
    ),
    Mutant(
        "what overflows in sum is not finite",
        "numeric/checks.py",
        "or bool(v.isfinite().all())",
        "",
    ),
    Mutant(
        "re-entrant checkpoints are not looked for",
        "validate/measure/model_gains.py",
        'if node.name() == "CheckpointFunctionBackward":',
        "if False:",
    ),
]
