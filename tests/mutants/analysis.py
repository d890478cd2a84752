"""Mutants of the analysis of models: what it says of blocks, and what it takes for agreement."""

from mutants.mutant import Mutant

ANALYSIS = (
    Mutant(
        "a block that differs from the model passes",
        "validate/analysis/signal_comparison.py",
        "not max(apart, value) <= limit",
        "not max(apart, value) <= 1e3 * limit",
    ),
    Mutant(
        "values are not compared",
        "validate/analysis/signal_comparison.py",
        "not max(apart, value) <= limit",
        "not apart <= limit",
    ),
    Mutant(
        "signals end where the model does not meet a state",
        "validate/analysis/signal_comparison.py",
        "if above - 1 not in self.numbers and above in self._expected:",
        "if False:",
    ),
    Mutant(
        "coupled samples are told apart",
        "validate/measure/model_gains.py",
        "leaf.detach().roll(1, 0)",
        "leaf.detach()",
        "tests/test_validate/test_analysis/test_signal_comparison.py",
    ),
    Mutant(
        "a sample is told from the first alone",
        "validate/measure/model_gains.py",
        "for kept in ((numbers >> bit) % 2 == 0, (numbers >> bit) % 2 == 1):",
        "for kept in (numbers == 0,):",
        "tests/test_validate/test_analysis/test_signal_comparison.py",
    ),
    Mutant(
        "signals are not scaled",
        "numeric/capture/segment_numbers.py",
        "scale = torch.where(scale > 0, scale, torch.ones_like(scale))",
        "scale = torch.ones_like(scale)",
    ),
    Mutant(
        "what is behind the last block is not said",
        "numeric/capture/capture.py",
        "count = len(made) - made.index(last) - 1 if last in made else 0",
        "count = 0",
        "tests/test_validate/test_analysis/test_signal_comparison.py",
    ),
    Mutant(
        "two maps share a name",
        "validate/analysis/formulas.py",
        "if said.count(text) > 1",
        "if False",
    ),
    Mutant(
        "an anti-aligned branch is no cause",
        "validate/analysis/causes.py",
        "if c < ANTI",
        "if c > ANTI",
    ),
    Mutant(
        "the advice promises too much",
        "validate/analysis/causes.py",
        "scale = AIM / t",
        "scale = 1 / t",
    ),
    Mutant(
        "a lower bound is the best of the samples",
        "validate/analysis/block_records.py",
        'float(kept.min() if bound.side == "lower" else kept.max())',
        "float(kept.max())",
    ),
    Mutant(
        "the culprit is any block behind",
        "validate/analysis/signal_comparison.py",
        "(numbers.live.any() and not (numbers.pullback != 0).any())",
        "True",
        "tests/test_validate/test_analysis/test_analyze.py",
    ),
    Mutant(
        "statistics of the model are moved by calibration",
        "validate/analysis/analyze.py",
        "twin = copy.deepcopy(model)",
        "twin = model",
    ),
    Mutant(
        "the input of a sum with a concatenation keeps its name",
        "derivations/algebra/symbolic_dims.py",
        "free = letter in self._free or letter == INPUTS",
        "free = letter in self._free",
    ),
    Mutant(
        "a bound is printed that no step says",
        "derivations/book/proved_term.py",
        "if step is None:",
        "if False:",
    ),
    Mutant(
        "a step that fails is printed",
        "derivations/book/proved_term.py",
        "if not each.ok:",
        "if False:",
    ),
    Mutant(
        "an adjoint is taken in the wrong order",
        "numeric/capture/segment_columns.py",
        "for matrix in matrices:",
        "for matrix in reversed(matrices):",
    ),
    Mutant(
        "a sample without a signal has a gain",
        "numeric/capture/segment_numbers.py",
        "return torch.where(live, value, math.nan)",
        "return value",
    ),
    Mutant(
        "worst blocks come last",
        "validate/analysis/analysis_document.py",
        "key=lambda each: each.gain.median if each.gain else math.inf",
        "key=lambda each: -each.gain.median if each.gain else math.inf",
    ),
    Mutant(
        "a name is put into the page as it is",
        "paper_figures/pages/page_environment.py",
        "autoescape=True",
        "autoescape=False",
    ),
    Mutant(
        "labels give the mean of the cross-entropy",
        "validate/targets/backward_signals.py",
        'reduction="sum"',
        'reduction="mean"',
    ),
    Mutant(
        "a model that cannot be captured ends as a bug does",
        "derivations/errors.py",
        "exit_code = 5",
        "exit_code = 1",
        "tests/test_gradbound/test_model_commands.py",
    ),
)
