"""Defines a miniature of the study, and draws records of the whole one without training."""

import re
from pathlib import Path

import numpy as np

from validate.comparison.initial_bands import Band
from validate.study.initial_rows import FRESH, InitialRow
from validate.study.protocol import PROTOCOL, Protocol, read_protocol
from validate.study.sealed import sealed
from validate.study.study_folder import Study
from validate.study.trials import Trial, TrialRow, planned

_SMALLER = {
    r'dataset = "fashion-mnist"': 'dataset = "digits"',
    r"test_samples = 10_000": "test_samples = 100",
    r"width = 8": "width = 2",
    r"train_samples = \S+": "train_samples = 64",
    r"statistics_samples = 512": "statistics_samples = 64",
    r"(?m)^epochs = \d+": "epochs = 1",
    r"strata = .*": 'strata = ["residual-8", "se_residual-8"]',
    r"seeds = 3": "seeds = 1",
    r"shallow = 20": "shallow = 8",
    r"deep = 44": "deep = 14",
    r"pairs = 20": "pairs = 3",
    r"pairs = 5": "pairs = 2",
    r"after = 10, planned = 0.495, most = 28": "after = 2, planned = 1e9, most = 5",
}


def small_protocol(folder: Path, **changes: str) -> Protocol:
    """The protocol on few digits and small networks: seconds in place of hours."""
    text = PROTOCOL.read_text()
    for before, after in {**_SMALLER, **changes}.items():
        text, count = re.subn(before, after, text)
        assert count, before
    path = folder / "small.toml"
    path.write_text(text)
    return read_protocol(path)


def drawn_row(protocol: Protocol, trial: Trial, ratio: float | None, error: float) -> TrialRow:
    """A record as the trial would leave it."""
    row = TrialRow(
        trial=trial,
        protocol=protocol.digest,
        data=("0" * 64, "1" * 64),
        parameters=1,
        made_on="cpu",
        versions={},
        status="ok",
        batch_ratios=(ratio, 1.0),
        train_loss=0.5,
        train_error=0.1,
        test_error=error,
        seconds=1.0,
    )
    return sealed(row)


def drawn_study(
    *,
    rho: float = 0.0,
    gain: float = 0.0,
    gate: float = 0.0,
    noise: float = 0.1,
    seed: int = 0,
    protocol: Protocol | None = None,
) -> Study:
    """The whole study: log-ratios and errors of the levels with this correlation, differences in
    points by depth, `noise` points on each error.
    """
    protocol = protocol or read_protocol()
    random = np.random.default_rng(seed)
    part, effects = protocol.flow, {"residual": gain, "plain": gate}
    levels = {
        (network, level): random.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
        for network in part.strata
        for level in part.levels
    }
    rows: list[TrialRow] = []
    while missing := planned(protocol, rows)[len(rows) :]:
        for trial in missing:
            stray = noise / 100 * random.standard_normal()
            if trial.claim == part.claim:
                flow, error = levels[trial.network, trial.level]
                ratio, error = 10.0**flow, 0.2 + 0.02 * error + stray
            else:
                family, depth = trial.network.split("-")
                deep = int(depth) == protocol.depth.deep
                ratio, error = 1.0, 0.2 + deep * effects[family] / 100 + stray
            rows.append(drawn_row(protocol, trial, ratio, float(np.clip(error, 0, 1))))
    return Study(Path("nowhere"), protocol, tuple(rows), ())


def drawn_initial(band: Band, shift: float = 0.0) -> InitialRow:
    """The record of a band whose mean is off by this share of its half width."""
    return sealed(
        InitialRow(
            network=band.network,
            slope=band.slope,
            predicted=band.predicted,
            half_width=band.half_width,
            seeds=FRESH,
            measured=tuple(
                band.predicted + shift * band.half_width + 0.01 * (number - 4.5)
                for number in range(len(FRESH))
            ),
            made_on="cpu",
        )
    )
