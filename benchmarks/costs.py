"""Writes README's table of costs from the record of a run: no figure in it is copied by hand.

`python benchmarks/costs.py` follows `make bench`, on a machine with nothing else to do.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "benchmarks" / "recorded.jsonl"
README = ROOT / "README.md"
HEAD = "| what | cost | aimed at |\n|---|---|---|\n"


def read(record: Path = RECORD) -> dict[str, Any]:
    """The line of each benchmark; of one that prints several, the last."""
    lines = map(json.loads, record.read_text(encoding="utf-8").splitlines())
    return {line["benchmark"]: line for line in lines}


def rows(of: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """What is measured, what it costs, and what was aimed at."""
    spectra, chain, law = of["evaluate"], of["many_sums"], of["laws"]
    svds, krylov, first = of["svds"], of["golub_kahan"], of["certify"]
    analysis, training, norms = of["analyze"], of["training"], of["lipschitz"]
    return (
        (
            "gains of all 32 blocks of a ResNet, beside forward + backward",
            times(of["gains"]["ratio"]),
            "×1.05",
        ),
        (
            "`analyze` of a ResNet-50, beside its passes; its memory, beside a training step's",
            f"{times(analysis['ratio'])}; {times(of['analyze_memory']['ratio'])}",
            "×1.5; ×1.1",
        ),
        ("watching a training loop", times(of["watch"]["ratio"]), "×1.05"),
        (
            (
                "`evaluate` of a bottleneck 256×14×14, batch 8, beside forward + backward in "
                f"float32: without spectra; with; with, to rtol = {spectra['width']}"
            ),
            "; ".join(times(spectra[each]) for each in ("without", "with_spectra", "decided")),
            "–; ×80; –",
        ),
        (
            "`certify` of it, beside passes in float64: first; with its weights' norms remembered",
            f"{times(first['first'])}; {times(first['again'])}",
            "–",
        ),
        (
            (
                "a chain of N sums, N to 200: the exponent of `evaluate`; of `certify`; of the "
                f"first call, which derives ({chain['seconds_first'][-1]:.2g} s at 200)"
            ),
            "; ".join(
                f"{chain[f'exponent_{each}']:.2g}" for each in ("evaluate", "certify", "first")
            ),
            "1",
        ),
        (
            (
                "σ_max of 8 samples to 1e-3, beside SciPy's `svds` on autograd's products; on "
                "ours; its enclosure, beside the former"
            ),
            "; ".join(
                faster(svds[f"times_faster{each}"])
                for each in ("", "_on_our_products", "_enclosed")
            ),
            "20; –; 5 × faster",
        ),
        (
            "20 Golub–Kahan steps, beside bare products: float32; float64",
            f"{times(krylov['ratio'])}; {times(krylov['ratio_float64'])}",
            "×1.3",
        ),
        (
            "bounds for every loss in a ResNet, 10 logits, beside a pass",
            times(of["every_loss"]["ratio"]),
            "×8",
        ),
        (
            "law of a masked convolution 64×28×28, beside singular values",
            f"{faster(law['times_faster'])} ({law['convolution_ms'] / 1e3:.1f} s)",
            "5 × faster",
        ),
        (
            "bands of 1,000 laws of two components; BatchNorm networks of 3,000 blocks",
            f"{law['bands_ms'] / 1e3:.1f} s; {law['batch_norm_v1_ms'] / 1e3:.2f} s",
            "1 s; 1 s",
        ),
        ("`derive` with all checks", f"{of['derive']['seconds']:.1f} s", "3 s"),
        (
            "training loop, beside a bare one; an epoch measured with bounds, beside none",
            f"×{training['ratio']:.2f} of its speed; {times(training['measured_epoch'])}",
            "×0.97; ×1.10",
        ),
        (
            (
                "norms of the eleven kinds of convolution in ResNet-18, above the truth: random "
                "weights; decaying spectra"
            ),
            f"{above(norms['random'])}; {above(norms['decaying'])}",
            "–",
        ),
    )


def times(ratio: float) -> str:
    """Three digits of a ratio, no zeros behind the point of large ones."""
    return f"×{ratio:.2f}" if ratio < 10 else f"×{ratio:.0f}"


def faster(ratio: float) -> str:
    return f"{ratio:.1f} × faster" if ratio >= 1 else f"{1 / ratio:.1f} × slower"


def above(ratios: Sequence[float]) -> str:
    return f"at most {100 * (max(ratios) - 1):.1f} %"


def table(of: Mapping[str, Any]) -> str:
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows(of))


def written(text: str, costs: str) -> str:
    """The text with this table of costs in place of the one that stands there."""
    begin = text.index(HEAD)
    return text[:begin] + costs + text[text.index("\n\n", begin) + 1 :]


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8"), table(read())), encoding="utf-8")
