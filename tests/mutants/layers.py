"""Mutants of what looks at layers and samples: the tests beside it must fail."""

from mutants.mutant import Mutant

FIXED = "numeric/certified/fixed_layers.py"
ENCLOSED = "numeric/certified/enclosed_layers.py"
GEOMETRY = "numeric/certified/convolution_geometry.py"
NORMS = "numeric/certified/layer_lipschitz.py"
HOOKS = "numeric/runs/hooks.py"
WATCHED = "numeric/runs/watched_run.py"
SAMPLES = "numeric/runs/independent_samples.py"
POINT = "numeric/evaluation/activation_point.py"
JACOBIAN = "numeric/operators/jacobian_operator.py"
COSTS = "validate/networks/costs.py"
ALTERED_TESTS = "tests/test_numeric/test_certified/test_certify_altered.py"
GEOMETRY_TESTS = "tests/test_numeric/test_certified/test_convolution_geometry.py"
EVALUATE_TESTS = "tests/test_numeric/test_evaluation/test_evaluate.py"
SAMPLE_TESTS = "tests/test_numeric/test_runs/test_independent_samples.py"

LAYERS = [
    Mutant("hooks are overlooked", FIXED, "if has_hooks([layer]):", "if False:", ALTERED_TESTS),
    Mutant(
        "hooks on all modules are overlooked",
        HOOKS,
        'if vars(everywhere)[f"_global_{kind}"]:',
        "if False:",
    ),
    Mutant("hooks stay silent", HOOKS, "holder[name] = hooks", "pass"),
    Mutant("silent hooks fire", HOOKS, "holder[name] = OrderedDict()", "pass"),
    Mutant("methods of the instance are overlooked", FIXED, "_of_the_instance(layer), ", ""),
    Mutant("methods of the class are overlooked", FIXED, "_of_the_users_classes(layer), ", ""),
    Mutant("replaced methods are overlooked", FIXED, ", _replaced(layer)):", "):"),
    Mutant(
        "what a class says of its weights is overlooked",
        FIXED,
        "if name in read or hasattr(kinds[own], name)",
        "if hasattr(kinds[own], name)",
    ),
    Mutant(
        "compiled layers pass",
        FIXED,
        'if getattr(layer, "_compiled_call_impl", None) is not None:',
        "if False:",
    ),
    Mutant(
        "parametrizations may train",
        FIXED,
        "any(part.training for part in parts)",
        "False",
    ),
    Mutant(
        "only the layer itself may not train",
        FIXED,
        "any(part.training for part in parts)",
        "layer.training",
    ),
    Mutant(
        "a layer need not do what its rule says",
        FIXED,
        "<= radius + factor * (sizes + 1e4 * limit.tiny)",
        '<= float("inf")',
        ALTERED_TESTS,
    ),
    Mutant(
        "certify does not run the layer",
        ENCLOSED,
        "if here.sizes is not None:",
        "if False:",
        ALTERED_TESTS,
    ),
    Mutant(
        "a norm does not run the layer",
        NORMS,
        "_check_reproduced(layer, in_shape, out_shape)\n    return size",
        "return size",
        ALTERED_TESTS,
    ),
    Mutant(
        "rounding goes by what a layer was built for",
        ENCLOSED,
        "max(weight.shape),",
        "max(layer.in_features, layer.out_features),",
        ALTERED_TESTS,
    ),
    Mutant(
        "an image passes for a batch",
        ENCLOSED,
        "if x.mid.dim() != weight.dim():",
        "if False:",
        ALTERED_TESTS,
    ),
    Mutant(
        "padding is read as it was built",
        GEOMETRY,
        'if layer.padding_mode != "zeros":',
        "if True:",
    ),
    Mutant(
        "padding of circles is read as it is",
        GEOMETRY,
        'if layer.padding_mode != "zeros":',
        "if False:",
    ),
    Mutant(
        "uneven padding goes before",
        GEOMETRY,
        "before = tuple(each // 2 for each in total)",
        "before = tuple(each - each // 2 for each in total)",
    ),
    Mutant("what padding repeats counts once", GEOMETRY, "int(counts.max())", "1"),
    Mutant(
        "the ends of padding are swapped",
        GEOMETRY,
        "ends[-2::-2], ends[::-2]",
        "ends[::-2], ends[-2::-2]",
    ),
    Mutant(
        "a hidden module may be random",
        WATCHED,
        "if reason := coupling(module):",
        "if reason := None:",
    ),
    Mutant("random numbers may be drawn", WATCHED, "if drawn:", "if False:"),
    Mutant("random states stay moved", WATCHED, "torch.set_rng_state(self._cpu)", "pass"),
    Mutant("buffers stay changed", WATCHED, "tensor.copy_(value)", "pass"),
    Mutant(
        "another tensor may take a buffer's place",
        WATCHED,
        "if module._buffers.get(name) is not tensor:",
        "if False:",
    ),
    Mutant(
        "half of the samples are never replaced",
        SAMPLES,
        "replaced[sample, list(some)] = True",
        "replaced[sample, list(some)] = sample % 2 == 0",
    ),
    Mutant(
        "sets of turns hold each other",
        SAMPLES,
        "comb(n, n // 2) >= batch",
        "2**n > batch",
    ),
    Mutant(
        "a small sample may hide behind a large one",
        SAMPLES,
        "first.abs(), second.abs()).reshape(len(first), -1).amax(1)",
        "first.abs(), second.abs()).amax()",
    ),
    Mutant(
        "hooks that change the value are silenced",
        SAMPLES,
        "ALL if unhooked else BACKWARD",
        "ALL",
    ),
    Mutant("hooks are never silenced", SAMPLES, "ALL if unhooked else BACKWARD", "()"),
    Mutant(
        "samples may be coupled",
        POINT,
        "in others_replaced(self.x):",
        "in ():",
        EVALUATE_TESTS,
    ),
    Mutant(
        "samples of an operator may be coupled",
        JACOBIAN,
        'check_samples("the function", values, x, [self.value])',
        "pass",
        SAMPLE_TESTS,
    ),
    Mutant(
        "hooks fire at every product",
        JACOBIAN,
        "if has_hooks(watch.modules):",
        "if False:",
    ),
    Mutant(
        "a map of positive multiples is affine",
        POINT,
        "(x + y, torch.zeros_like(x), x.clone(), y)",
        "(2 * x, torch.zeros_like(x), x.clone(), x.clone())",
        EVALUATE_TESTS,
    ),
    Mutant(
        "an odd map is affine",
        POINT,
        "(x + y, torch.zeros_like(x), x.clone(), y)",
        "(x - x, torch.zeros_like(x), x.clone(), -x)",
        EVALUATE_TESTS,
    ),
    Mutant("tied parameters count twice", COSTS, "seen.logical_not().sum()", "seen.numel()"),
    Mutant(
        "expanded parameters count as if stored", COSTS, "[n if step else 1 for n,", "[n for n,"
    ),
    Mutant("attention is not named", COSTS, ", _Attention():", ":"),
    Mutant("sums in place are not counted", COSTS, '"add_": "additions",', ""),
]
