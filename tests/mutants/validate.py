"""Mutants of `validate`: the tests beside it must fail."""

from mutants.mutant import Mutant

MEASUREMENTS = [
    Mutant(
        "networks are measured in place",
        "validate/measure/network_gains.py",
        "twin = copy.deepcopy(network)",
        "twin = network",
        "tests/test_validate/test_measure/test_measure_untouched.py",
    ),
    Mutant(
        "a network in training mode is measured",
        "validate/measure/network_gains.py",
        "if any(module.training for module in network.modules()):",
        "if False:",
    ),
    Mutant(
        "gains are their inverse",
        "validate/measure/network_gains.py",
        "_ratio(before, after) for",
        "_ratio(after, before) for",
    ),
    Mutant(
        "ties of τ count as pairs",
        "validate/statistics/correlation.py",
        "x, y = (np.sign(each",
        "x, y = (1e-9 + np.sign(each",
    ),
    Mutant(
        "the test has one side",
        "validate/statistics/correlation.py",
        "weights[abs(values) >= extreme",
        "weights[values >= extreme",
    ),
    Mutant(
        "as extreme is not extreme",
        "validate/statistics/correlation.py",
        "abs(drawn) >= abs(value) - _ROUNDING",
        "abs(drawn) > abs(value) + 0.05",
    ),
    Mutant(
        "families are permuted together",
        "validate/statistics/correlation.py",
        "np.add.outer(sums, values)",
        "np.add.outer(sums * 0, values)",
    ),
    Mutant(
        "intervals are of half the level",
        "validate/statistics/correlation.py",
        "[(1 - LEVEL) / 2, (1 + LEVEL) / 2]",
        "[0.25, 0.75]",
    ),
    Mutant(
        "Holm counts one test",
        "validate/statistics/holm_adjustment.py",
        "(count - rank) * p_values[index]",
        "p_values[index]",
    ),
    Mutant(
        "Holm does not step down",
        "validate/statistics/holm_adjustment.py",
        "(count - rank) * p_values[index]",
        "count * p_values[index]",
    ),
    Mutant(
        "Holm may go back",
        "validate/statistics/holm_adjustment.py",
        "largest = max(largest, min(",
        "largest = max(0.0, min(",
    ),
    Mutant(
        "constant measures have ranks",
        "validate/statistics/correlation.py",
        "(points == points[:1]).all(axis=0).any()",
        "False",
    ),
    Mutant(
        "seeds keep their differences",
        "validate/statistics/slopes.py",
        " - table.mean(axis=0) + table.mean()",
        "",
    ),
    Mutant(
        "runs are not paired",
        "validate/statistics/slopes.py",
        "default_rng([seed, depth])",
        "default_rng()",
    ),
    Mutant(
        "other seeds are compared",
        "validate/statistics/slopes.py",
        "if _seeds(first) != _seeds(second):",
        "if False:",
    ),
    Mutant(
        "ReLUs count as blocks",
        "validate/statistics/survival.py",
        ' and not block.term.startswith("Pointwise(")',
        "",
    ),
    Mutant(
        "the strongest block is the weakest",
        "validate/statistics/survival.py",
        "return min((_log_median",
        "return max((_log_median",
    ),
    Mutant(
        "diverged runs have no error", "validate/statistics/survival.py", "LOST = 1.0", "LOST = 0.0"
    ),
    Mutant(
        "across is within",
        "validate/statistics/ranking.py",
        "[np.concatenate(strata)] if group == ACROSS else strata",
        "strata",
        "tests/test_validate/test_audit/test_claims/test_c24_training.py",
    ),
    Mutant(
        "predictions are fitted to measurements",
        "validate/statistics/network_families.py",
        "_fit(best.law, depths, predicted)",
        "best",
    ),
    Mutant(
        "more survival means more error",
        "validate/audit/claims/c24_training.py",
        "row.sign == -1",
        "row.sign == 1",
    ),
    Mutant(
        "few networks are judged alone",
        "validate/statistics/ranking.py",
        "least is not None and least * most <= SIGNIFICANT",
        "least is not None",
    ),
    Mutant(
        "masks before the weight are ignored",
        "validate/comparison/first_weights.py",
        "square = convolution_law(std, h, v, geometry, slope=slope)",
        "square = convolution_law(std, h, v, geometry)",
    ),
    Mutant(
        "trained weights are as at the start",
        "validate/comparison/first_weights.py",
        "if trained else deviation_at_start",
        "if False else deviation_at_start",
    ),
    Mutant(
        "any map counts as pointwise",
        "validate/comparison/first_weights.py",
        "allclose(pulled, slope * probe",
        "allclose(pulled, pulled",
    ),
    Mutant(
        "the skip is part of the branch",
        "validate/comparison/compare_network.py",
        "after[live]) - weights.v",
        "after[live])",
        "tests/test_validate/test_comparison/test_first_weights.py",
    ),
    Mutant(
        "the law is asked for a gain",
        "validate/comparison/compare_network.py",
        "measured[live].square().numpy()",
        "measured[live].numpy()",
        "tests/test_validate/test_comparison/test_first_weights.py",
    ),
    Mutant(
        "the last sample counts",
        "validate/statistics/distance_from_law.py",
        "in enumerate(row.measured) if measured",
        "in reversed(list(enumerate(row.measured))) if measured",
    ),
    Mutant(
        "blocks are resampled, not runs",
        "validate/statistics/distance_from_law.py",
        "integers(len(by_run), size=(RESAMPLES, len(by_run)))",
        "integers(len(by_run), size=(RESAMPLES, 50 * len(by_run)))",
    ),
    Mutant(
        "a block's gain counts from the input",
        "validate/comparison/compare_depth.py",
        "ratio(squares, block - 1, block),",
        "ratio(squares, 0, block),",
    ),
    Mutant(
        "a backend that nobody knows stops the figures",
        "paper_figures/drawing/without_backend.py",
        "os.environ.pop(BACKEND, None)",
        "None",
    ),
    Mutant(
        "the user's own backend is forgotten",
        "paper_figures/drawing/without_backend.py",
        'matplotlib.rcParams["backend"] = backend',
        "pass",
    ),
]
