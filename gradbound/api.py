"""Offers to programs what the command line offers to people.

Every function returns a frozen dataclass that prints itself, or raises one of `derivations.errors`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from derivations.algebra.blocks import BLOCKS, block
from derivations.algebra.notation import READINGS
from derivations.book.text import PrintedDocument
from derivations.errors import InputError
from derivations.time_limit import run
from validate.audit.audit_document import Audit
from validate.progress import Progress, silent
from validate.records.recorded import RECORDED

if TYPE_CHECKING:
    from torch import Tensor

    from paper_figures import PrintedAnalysis, PrintedComparison

TIME_LIMIT = 120.0
CLAIMS = tuple(f"C{number}" for number in range(1, 26))
THEOREM_PARTS = 3
"""How often `derive` says that some of the theorems are done."""


def derive(
    *blocks: str, seconds: float = TIME_LIMIT, progress: Progress = silent
) -> PrintedDocument:
    """Derives gradients and bounds of the named blocks (none: all of them) and checks every step.

    The work is done in a process of its own. A step that fails a check is reported, not raised: see
    `.ok` and `.failures()`. Raises InputError for an unknown block, TimeLimitError after `seconds`.
    """
    names = [block(name).name for name in blocks]
    parts = dict.fromkeys(names or BLOCKS, len(READINGS))
    parts |= {} if names else {"theorems": THEOREM_PARTS}
    with progress(parts, "parts") as advance:
        function = "derivations.book.derive:derive_json"
        answer = run(function, {"blocks": names}, seconds, advance)
    return PrintedDocument.of(answer)


def audit(
    results: str | Path | None = None, *, seconds: float = TIME_LIMIT, progress: Progress = silent
) -> Audit:
    """Adjudicates the paper's claims C1–C25: evidence is computed, and the verdicts follow from it.

    C24 and C25 are judged by the study, `results` being its folder, else the one that comes with
    gradbound; the runs of a preset in `results`, else the recorded ones, stand beside it. That a
    claim is refuted is not raised: see `.claims`, or `audit()["C8"]`. The work is done in a process
    of its own. Raises InputError for a folder whose records are missing, altered or unfinished,
    TimeLimitError after `seconds`.
    """
    arguments = {"results": str(results or RECORDED)}
    function = "validate.audit.adjudicate:audit_document"
    with progress(dict.fromkeys(CLAIMS, 1), "claims") as advance:
        return Audit.of(run(function, arguments, seconds, advance))


def analyze(
    model: Callable[..., Any],
    *inputs: Any,
    y: "Tensor | None" = None,
    loss: "Callable[[Any], Tensor] | None" = None,
    spectra: bool = False,
    every_loss: bool = False,
    calibrate: Any = None,
    seed: int = 0,
    target: str = "",
    remarks: Sequence[str] = (),
) -> "PrintedAnalysis":
    """Where the gradient of model(*inputs) goes, block by block, and what is guaranteed of it.

    `inputs` are tensors (batch first), or one dict of keyword arguments. The signal is that of the
    cross-entropy with the labels `y`, or of `loss`, a function of the model's result; without
    either a standard normal cotangent of `seed` at every result. Where `loss` uses some of several
    results, the blocks are those on the way to these. `spectra` adds the bounds for every signal,
    `every_loss` those that hold whatever the loss of a classifier. The model is measured in the
    mode it is in, or with `calibrate`, a batch, as a copy whose BatchNorm statistics are that
    batch's; it comes back untouched. The result prints itself; see `.blocks`, `.worst`, `.rows()`,
    `.html(path)`, `.pdf(path)`. Raises InputError for what cannot be analyzed, CaptureError for a
    model whose recording is not what it does, ViolationError for a derivation that fails.
    """
    from paper_figures import PrintedAnalysis
    from validate.analysis.analyze import analyze as run

    found = run(
        model, *inputs, y=y, loss=loss, spectra=spectra, every_loss=every_loss,
        calibrate=calibrate, seed=seed, target=target,
    )  # fmt: skip
    capture = replace(found.capture, remarks=(*found.capture.remarks, *remarks))
    return PrintedAnalysis.from_plain(replace(found, capture=capture))


def compare(
    models: Mapping[str, tuple[Callable[..., Any], Any]], *others: Any, **options: Any
) -> "PrintedComparison":
    """Analyses side by side: a model and its inputs (a tensor, a tuple, or a dict) for each name.

    The result prints itself, with the blocks that differ, and has `.html(path)` and `.pdf(path)`.
    `options` are those of `analyze`. Raises InputError for no model or for models that are given
    otherwise, and what `analyze` raises.
    """
    from paper_figures import PrintedComparison

    _check_models(models, others)
    found = []
    for name, (model, inputs) in models.items():
        given = inputs if isinstance(inputs, tuple) else (inputs,)
        found.append(analyze(model, *given, target=name, **options))
    return PrintedComparison(tuple(found))


def _check_models(models: object, others: Sequence[Any]) -> None:
    form = "pass {'a': (model_a, x), 'b': (model_b, x)}, options by name"
    if not isinstance(models, Mapping):
        kind = type(models).__name__
        raise InputError(f"compare takes a dict of names, not a {kind}: {form}")
    if others:
        raise InputError(f"compare takes one dict and no {len(others)} more arguments: {form}")
    if not models:
        raise InputError(f"no model to compare: {form}")
    for name, pair in models.items():
        if not isinstance(name, str) or not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"compare: {name!r} has no pair of a model and its input: {form}")
