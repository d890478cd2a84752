"""Mutants of what is drawn: what is read back from a figure or a table must tell."""

from mutants.mutant import Mutant

FIGURES = [
    Mutant(
        "numbers of a hidden line are written",
        "paper_figures/drawing/figure_numbers.py",
        "if not artist.get_visible() or artist in",
        "if artist in",
    ),
    Mutant(
        "words are put where they cover lines",
        "paper_figures/drawing/placed_labels.py",
        "return points + 1000 * words + 1000 * bool(out)",
        "return 1000 * bool(out)",
    ),
    Mutant(
        "two presets take each other's files",
        "paper_figures/drawing/plate.py",
        "return stem(name, results) if self.of_runs else name",
        "return name",
    ),
    Mutant(
        "a gate sends its own value to itself",
        "paper_figures/drawing/backward_words.py",
        'around = carry(term.gate, f"{value} ⊙ {short}", names)',
        'around = carry(term.gate, f"{gate} ⊙ {short}", names)',
    ),
    Mutant(
        "a chain is pulled back from its front",
        "paper_figures/drawing/backward_words.py",
        "for part in reversed(term.parts):",
        "for part in term.parts:",
    ),
    Mutant(
        "four networks are drawn as a test",
        "paper_figures/figures/survival_ranking.py",
        "row.found.least_p > LEVEL",
        "row.found.least_p > 1",
    ),
    Mutant(
        "an interval forgets how many seeds there are",
        "paper_figures/figures/training_curves.py",
        "* stdev(errors) / len(errors) ** 0.5",
        "* stdev(errors)",
    ),
    Mutant(
        "a printed number that is wrong agrees",
        "paper_figures/tables/printed_tables.py",
        "AGREES if agrees else DIFFERS,",
        "AGREES,",
    ),
    Mutant(
        "a bar of a whole network is that of another sample",
        "paper_figures/figures/over_training/whole_network_bounds.py",
        "(x, lower[i] or 1e-300, upper[i] or 1e300)",
        "(x, lower[0] or 1e-300, upper[0] or 1e300)",
    ),
    Mutant(
        "the histogram of a law has counts for densities",
        "paper_figures/figures/other_records/law_histograms.py",
        "np.array(row.counts) / row.draws / np.diff(edges)",
        "np.array(row.counts) / row.draws",
    ),
    Mutant(
        "weights are drawn once for all",
        "validate/measure/drawn_gains.py",
        "shape = (count * len(h), channels, kernel, kernel)",
        "shape = (len(h), channels, kernel, kernel)",
    ),
    Mutant(
        "a curve of depth starts at its second block",
        "validate/comparison/compare_depth.py",
        "curve.append((predicted, ratio(squares, 0, block)))",
        "curve.append((predicted, ratio(squares, 1, block)))",
    ),
]
