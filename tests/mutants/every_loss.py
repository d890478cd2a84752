"""Mutants of the bounds for every loss: the tests beside them must fail."""

from mutants.mutant import Mutant

_ROOM = "numeric/every_loss"
_TESTS = "tests/test_numeric/test_every_loss"

EVERY_LOSS = [
    Mutant(
        "a dead block lets a little through",
        "numeric/every_loss/column_pencils.py",
        "torch.inf, torch.inf, -torch.inf",
        "torch.inf",
    ),
    Mutant(
        "behind a boundary its values are the same as before it",
        "numeric/every_loss/logit_graph.py",
        "known[value].view_as(known[value]) for value in waiting[0]",
        "known[value] for value in waiting[0]",
    ),
    Mutant(
        "a certificate ignores the radii",
        f"{_ROOM}/sup_ratio.py",
        "return Enclosed(s.mT @ v.mid, up(spread, terms) + terms * balls.TINY)",
        "return Enclosed(s.mT @ v.mid, torch.zeros_like(spread))",
    ),
    Mutant(
        "a certificate's Gram matrices have no radii",
        f"{_ROOM}/sup_ratio.py",
        "mixed + mixed.mT + v.rad @ v.rad.mT",
        "0 * mixed",
    ),
    Mutant(
        "a certificate truncates the kernel",
        f"{_ROOM}/sup_ratio.py",
        "right = torch.linalg.svd(w.mT, full_matrices=True).U",
        "right = torch.linalg.svd(w.mT, full_matrices=True).U[:, :, : max(1, w.shape[2] - 1)]",
    ),
    Mutant(
        "a certificate forgets what the guess lacks",
        f"{_ROOM}/sup_ratio.py",
        "(arb(size) / (1 - arb(defect))).sqrt()",
        "arb(size).sqrt()",
    ),
    Mutant(
        "a certificate of a pair swaps the roles",
        f"{_ROOM}/certified_pairs.py",
        "upper, inverse = sup_ratio(before, after), sup_ratio(after, before)",
        "upper, inverse = sup_ratio(after, before), sup_ratio(before, after)",
    ),
    Mutant(
        "a certified lower bound is rounded up",
        f"{_ROOM}/certified_pairs.py",
        "torch.nextafter(one, torch.zeros_like(one))",
        "one * (1 + 1e-9)",
    ),
    Mutant(
        "the sum-zero basis holds a single logit",
        f"{_ROOM}/cotangents.py",
        "return made.scatter_(1, top[:, None, None].expand(-1, 1, classes - 1), -1.0)",
        "return made",
        f"{_TESTS}/test_loss_bounds.py",
    ),
    Mutant(
        "hard labels leave the label itself in the softmax",
        f"{_ROOM}/cotangents.py",
        "spread.scatter(1, chosen[:, None], -torch.inf).softmax(1)",
        "spread.softmax(1)",
        f"{_TESTS}/test_loss_bounds.py",
    ),
    Mutant(
        "a label's rounding is a signal",
        f"{_ROOM}/loss_bounds.py",
        "torch.where(lost, 0.0, below)",
        "below",
    ),
    Mutant(
        "small directions are dropped",
        f"{_ROOM}/column_pencils.py",
        "floor[deficient] = height = full * _norm_against(bottoms, sizes)",
        "floor[deficient] = height = 1e9 * full * _norm_against(bottoms, sizes)",
    ),
    Mutant(
        "a floor costs nothing",
        f"{_ROOM}/column_pencils.py",
        "value = rho * math.sqrt(1 + share)",
        "value = rho",
    ),
    Mutant(
        "a floor costs a lower bound nothing",
        f"{_ROOM}/column_pencils.py",
        "square = 1 / inverse**2 - share * best[1] ** 2",
        "square = 1 / inverse**2",
    ),
    Mutant(
        "the ends of a pencil are swapped",
        f"{_ROOM}/column_pencils.py",
        "inverse, lower_at = _greatest(b, t)",
        "inverse, lower_at = _greatest(t, b)",
    ),
    Mutant(
        "the cone is as wide as the plane",
        f"{_ROOM}/near_one_loss.py",
        "math.cos(theta) ** 2 * base.mT @ base",
        "math.cos(theta) * base.mT @ base",
    ),
    Mutant(
        "a witness may leave the cone",
        f"{_ROOM}/near_one_loss.py",
        "better = value.isfinite() & inside & (value > best)",
        "better = value.isfinite() & (value > best)",
    ),
    Mutant(
        "labels of a batch are chosen sample by sample",
        f"{_ROOM}/batch_ratios.py",
        "best = (side * (above - ratio * below)).argmax(1)",
        "best = (side * above / below).argmax(1)",
    ),
    Mutant(
        "every label counts alike in a batch",
        f"{_ROOM}/batch_ratios.py",
        "torch.where(below > 0, above, 0.0) * lengths, below * lengths",
        "torch.where(below > 0, above, 0.0), below",
    ),
    Mutant(
        "a loop of passes loses the last",
        f"{_ROOM}/reachable.py",
        "for some in sent.split(max(at_once, 1))]",
        "for some in sent.roll(1, 0).split(max(at_once, 1))]",
    ),
    Mutant(
        "samples that read those left out are not noticed",
        f"{_ROOM}/logit_graph.py",
        'check_kept("the model", alone,',
        '(lambda *_: None)("the model", alone,',
    ),
    Mutant(
        "samples that read each other are not noticed",
        f"{_ROOM}/logit_graph.py",
        'check_samples("the model", run, few, [alone])',
        "pass",
    ),
    Mutant(
        "a batch's weight gradient is bounded by its samples'",
        f"{_ROOM}/weight_signals.py",
        "together = whole_batch or joined",
        "together = joined",
    ),
    Mutant(
        "a dense gradient has no cross terms",
        f"{_ROOM}/dense_gradients.py",
        "square = ((g @ g.mT) * (h @ h.mT)).sum((1, 2))",
        "square = ((g @ g.mT) * (h @ h.mT)).diagonal(dim1=1, dim2=2).sum(1)",
    ),
    Mutant(
        "a weight of two layers has the gradient of one",
        f"{_ROOM}/plain_weights.py",
        "used[_storage(parameter)] > 1",
        "used[_storage(parameter)] > 9",
    ),
    Mutant(
        "the view of a weight is another weight",
        f"{_ROOM}/plain_weights.py",
        "return tensor.untyped_storage().data_ptr()",
        "return id(tensor)",
    ),
    Mutant(
        "rows of a layer belong to the samples in turn",
        f"{_ROOM}/sample_weights.py",
        "if not (rows.ne(0).any(2) & ~kept.T).any():",
        "if True:",
    ),
    Mutant(
        "no sample is kept without another",
        f"{_ROOM}/sample_rows.py",
        "combinations(range(rows), rows // 2)",
        "combinations(range(rows), rows)",
    ),
    Mutant(
        "a triangle of the inputs of a layer is turned",
        f"{_ROOM}/sample_weights.py",
        'torch.linalg.qr(h.mT, mode="r").R.mT if',
        'torch.linalg.qr(h.mT, mode="r").R if',
    ),
    Mutant(
        "a bias meets the first place alone",
        f"{_ROOM}/sample_weights.py",
        "double().flatten(2).sum(2)",
        "double().flatten(2)[:, :, 0]",
    ),
    Mutant(
        "the first rows of a weight stand for all",
        f"{_ROOM}/sample_weights.py",
        "columns.split(_ROWS)",
        "columns.split(_ROWS)[:1]",
    ),
    Mutant(
        "the ratio of a sample is to the signal of the batch",
        "validate/measure/sample_ratios.py",
        "size = sent[sample].double().norm()",
        "size = sent.double().norm()",
    ),
    Mutant(
        "parameters that have no bounds are passed over",
        "validate/analysis/weight_records.py",
        "remarks += _left_out({**others, **hooked})",
        "",
    ),
    Mutant(
        "bounds of parameters are told to hold of all that is measured",
        "validate/analysis/weight_records.py",
        "if bounds and len(found.logits) > SAMPLES:",
        "if False:",
    ),
    Mutant(
        "an analysis gives the least upper bound of the samples",
        "validate/analysis/every_loss_records.py",
        "float(bounds.upper[live].max())",
        "float(bounds.upper[live].min())",
    ),
    Mutant(
        "bounds for labels are printed for any signal",
        "validate/analysis/analysis_document.py",
        "bound.value is not None and bound.id not in SOME_LOSSES",
        "bound.value is not None",
    ),
    Mutant(
        "any basis may have the name of one",
        "numeric/every_loss/reachable.py",
        "if not torch.equal(self.basis, made):",
        "if False:",
    ),
    Mutant(
        "rows are whoever's",
        f"{_ROOM}/sample_rows.py",
        "if any(bool(_met(each[~kept]).any())",
        "if any(False and bool(_met(each[~kept]).any())",
    ),
    Mutant(
        "an infinite slope mixes samples",
        f"{_ROOM}/sample_rows.py",
        "signal.ne(0) & ~signal.isnan()",
        "signal.ne(0)",
    ),
    Mutant(
        "boundaries are taken for samples",
        f"{_ROOM}/logit_graph.py",
        "check_rows(logits, [each for values in graph.boundaries for each in values])",
        "pass",
        "tests/test_numeric/test_every_loss/test_sample_rows.py",
    ),
    Mutant(
        "a checkpoint hides what a sample sends",
        "validate/measure/sample_ratios.py",
        "found = gradients(part, [*parameters.values()], again=True)",
        "found = torch.autograd.grad(part, [*parameters.values()], retain_graph=True, "
        "materialize_grads=True)",
    ),
    Mutant(
        "inputs take no gradients where samples are measured",
        "validate/measure/sample_ratios.py",
        "return passed_on(made) if isinstance(made, Tensor) else made",
        "return leaf",
    ),
    Mutant(
        "a hook on a weight is no matter",
        "validate/analysis/weight_records.py",
        "for name, each in wanted.items() if each._backward_hooks}",
        "for name, each in wanted.items() if False}",
        "tests/test_validate/test_analysis/test_contradictions.py",
    ),
    Mutant(
        "a hook on a weight may be hung while the model runs",
        "numeric/recording/record.py",
        'hooks = name == "register_hook"',
        "hooks = False",
        "tests/test_numeric/test_numeric_capture_refusals.py",
    ),
    *(
        Mutant(name, "validate/analysis/contradictions.py", before, after)
        for name, before, after in (
            ("soft labels are hard ones", "2 if y.is_floating_point() else 3", "3"),
            ("whatever lies outside is rounding", "if lost:", "if True:"),
            ("nothing that lies outside is rounding", "if lost:", "if False:"),
            ("float32 may differ by anything", "rough and by <= ROUNDS", "rough"),
            ("a signal's digits are told by its size alone", "-others.sum(1, keepdim=True)", "0.0"),
            ("digits are never lost", "> SAME / 10 * size", "> 1e9 * size"),
            ("labels that are left out send a signal", ") * counted", ")"),
            ("any block's floor is every block's", "if block.index in rounded", "if rounded"),
        )
    ),
]
