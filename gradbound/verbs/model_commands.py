"""Offers the verb that is about a model of the user's: `analyze`."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivations.errors import InputError
from gradbound.choices import OneOf
from gradbound.verbs.options import quiet_option

if TYPE_CHECKING:
    from paper_figures import PrintedAnalysis

MODES = ("made", "train", "eval", "calibrated")
FORMS = ("text", "json", "html", "latex", "pdf")
SUFFIXES = {
    ".txt": "text", ".json": "json", ".html": "html", ".htm": "html", ".tex": "latex",
    ".pdf": "pdf",
}  # fmt: skip


def _sizes(
    ctx: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """C,H,W as numbers."""
    if value is None:
        return None
    try:
        sizes = tuple(int(each) for each in value.replace("x", ",").split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise click.BadParameter(f"{value!r} is not C,H,W: three whole numbers, as 3,224,224.")
    return sizes


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--input-size",
    callback=_sizes,
    metavar="C,H,W",
    help="Of one sample: C,H,W, or as many sizes as it has.",
)
@click.option("--tokens", type=click.IntRange(1), help="Integer tokens instead, N to a sample.")
@click.option("--vocab", type=click.IntRange(1), help="The number of different tokens.")
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Weights, as safetensors.")
@click.option(
    "--mode",
    type=OneOf(MODES),
    default="made",
    show_default=True,
    help="The mode to measure in; `calibrated` is eval with BatchNorm statistics of the input.",
)
@click.option("--dtype", default="float32", show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--result",
    type=click.IntRange(1),
    metavar="N",
    help="Of a model that returns several tensors, the one that the signal leaves from.",
)
@click.option("--spectra", is_flag=True, help="Bounds for every signal too, by singular values.")
@click.option("--every-loss", is_flag=True, help="Bounds for every loss of up to 64 logits too.")
@click.option(
    "--format",
    "form",
    type=OneOf(FORMS),
    help="Of the output; without it, what the suffix of --out says, else text.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A file instead of stdout: .txt, .json, .html, .tex or .pdf says the format.",
)
@quiet_option
def analyze(
    targets: Sequence[str],
    input_size: tuple[int, ...] | None,
    tokens: int | None,
    vocab: int | None,
    batch: int,
    checkpoint: Path | None,
    mode: str,
    dtype: str,
    device: str,
    seed: int,
    result: int | None,
    spectra: bool,
    every_loss: bool,
    form: str | None,
    out: Path | None,
    quiet: bool,
) -> None:
    """Show where a model's gradient goes: its blocks, formulas, bounds and measured gains.

    TARGET is a built-in name (resnet50), torchvision:NAME, timm:NAME, package.module:callable or
    file.py:callable (called without arguments; it returns the model, or the model and its example
    inputs). Several are set side by side. Ends with exit code 5 if a model cannot be captured.
    """
    from gradbound.api import analyze as run
    from validate.progress import for_terminal
    from validate.records.storage import write_atomic
    from validate.targets.backward_signals import result_loss
    from validate.targets.targets import load_target

    form = _checked_form(form, out)
    if form == "pdf" and out is None:
        raise click.UsageError("a PDF is no text: name a file with --out")
    if checkpoint is not None and len(targets) > 1:
        raise click.UsageError("--checkpoint belongs to one target")
    if out is not None and not out.parent.is_dir():
        raise InputError(f"{out.parent} is no folder: make it first, or choose another --out")
    found = []
    progress = for_terminal(quiet, patient=True)
    with progress(Counter(targets), "models") as advance:
        for text in targets:
            target = load_target(
                text, input_size=input_size, tokens=tokens, vocab=vocab, batch=batch,
                checkpoint=checkpoint, dtype=dtype, device=device, seed=seed,
            )  # fmt: skip
            if mode != "made":
                target.model.train(mode == "train")
            inputs = target.args if target.args or not target.kwargs else (target.kwargs,)
            calibrate = inputs if mode == "calibrated" else None
            analysis = run(
                target.model, *inputs, spectra=spectra, every_loss=every_loss, seed=seed,
                target=text, calibrate=calibrate, remarks=target.remarks,
                loss=result_loss(result, seed) if result else None,
            )  # fmt: skip
            found.append(analysis)
            advance(text)
    if out is None:
        click.echo(_rendered(found, form), nl=False)
        return
    write_atomic(out, _pdf(found) if form == "pdf" else _rendered(found, form).encode())
    click.echo(out)


def _checked_form(form: str | None, out: Path | None) -> str:
    """The format asked for, else what the suffix says. Raises UsageError where they disagree."""
    said = SUFFIXES.get(out.suffix.lower()) if out is not None else None
    if form is not None and said is not None and said != form:
        raise click.UsageError(
            f"--format {form} and --out {out} disagree: a file of that name is {said}; leave one "
            "of them out"
        )
    return form or _form_of(out)


def _form_of(out: Path | None) -> str:
    """What the suffix of a file says; text without a file. Raises UsageError for another suffix."""
    if out is None:
        return "text"
    if out.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise click.UsageError(f"{out.name} ends in none of {known}: say what it is with --format")
    return SUFFIXES[out.suffix.lower()]


def _pdf(analyses: "Sequence[PrintedAnalysis]") -> bytes:
    from paper_figures import pdf

    return pdf(*analyses)


def _rendered(analyses: "Sequence[PrintedAnalysis]", form: str) -> str:
    from paper_figures import page
    from validate.analysis.side_by_side import comparison_text

    match form:
        case "json" if len(analyses) > 1:
            return json.dumps([json.loads(each.json()) for each in analyses], indent=2) + "\n"
        case "json":
            return analyses[0].json() + "\n"
        case "html":
            return page(*analyses)
        case "latex":
            return "\n".join(each.latex() for each in analyses)
    shown = "\n".join(map(str, analyses))
    return shown if len(analyses) == 1 else f"{shown}\n{comparison_text(analyses)}"
