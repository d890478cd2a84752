"""Holds published statements and laws of depth against what is simulated, in one table.

The frozen dataclasses are the schema of `gradbound.check-laws/1`: their attributes are its keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from derivations.algebra.showing import Showing, shown_text
from validate.comparison.compare_depth import DepthProfile
from validate.comparison.compare_depth import markdown as depth_table
from validate.comparison.compare_depth import table as depth_profiles
from validate.comparison.compare_published import PublishedRow, published_checks
from validate.comparison.compare_published import table as published_table
from validate.progress import Progress, silent

Family = Literal["published", "depth"]
FAMILIES: tuple[Family, ...] = ("published", "depth")


@dataclass(frozen=True)
class LawCheck:
    """One statement. `expected` is what holds for what was simulated, `measured` what came out,
    with its standard error; `published` is what the source prints, null where that is nothing else.
    `holds`: they agree, within the stated tolerance; `judged`: that they do is asked for.
    """

    family: Family
    what: str
    setting: str
    source: str
    published: float | None
    expected: float
    measured: float
    error: float
    holds: bool
    judged: bool

    @property
    def failure(self) -> str:
        """What is wrong, in a line; empty where nothing is."""
        if self.holds or not self.judged:
            return ""
        return (
            f"{self.what}, {self.setting}: measured {self.measured:.5g} ± {self.error:.2g}, "
            f"expected {self.expected:.5g}"
        )


@dataclass(frozen=True)
class LawsDocument:
    """Every statement; `ok`: all that are judged hold."""

    schema: Literal["gradbound.check-laws/1"]
    ok: bool
    checks: tuple[LawCheck, ...]


@dataclass(frozen=True)
class LawTables:
    """What was simulated."""

    published: tuple[PublishedRow, ...] = ()
    depth: tuple[DepthProfile, ...] = ()

    @property
    def document(self) -> LawsDocument:
        checks = (*map(_statement, self.published), *(c for p in self.depth for c in _stack(p)))
        ok = not any(each.failure for each in checks)
        return LawsDocument("gradbound.check-laws/1", ok, checks)

    @property
    def failures(self) -> list[str]:
        """One line for each statement that does not hold."""
        return [each.failure for each in self.document.checks if each.failure]

    def markdown(self) -> str:
        """A table for each family, with what only that one has."""
        tables = [published_table(self.published)] if self.published else []
        return "\n".join([*tables, *([depth_table(self.depth)] if self.depth else [])])

    def text(self) -> str:
        """One table for a terminal."""
        rows = [_row(each) for each in self.document.checks]
        head = ("", "setting", "published", "expected", "measured", "", "holds")
        counts = f"{len(self.failures)} of {sum(c.judged for c in self.document.checks)} missed"
        return shown_text(Showing("Laws against simulation", head, tuple(rows), (counts,)), None)


def check_laws(families: Sequence[str], progress: Progress = silent) -> LawTables:
    """The statements of these families, simulated anew with the seeds fixed beforehand."""
    published = published_checks(progress=progress) if "published" in families else ()
    return LawTables(published, depth_profiles(progress=progress) if "depth" in families else ())


def _statement(row: PublishedRow) -> LawCheck:
    return LawCheck(
        "published", row.what, row.setting, row.source, row.published, row.exact, row.reproduced,
        row.error, row.holds, True,
    )  # fmt: skip


def _stack(profile: DepthProfile) -> tuple[LawCheck, LawCheck]:
    """The whole stack, and the block that deviates most."""
    whole, worst = profile.whole, profile.worst
    setting = f"L = {whole.depth}, n = {whole.width}, {whole.draws} draws"
    source = f"law of depth: {whole.network}"
    return (
        LawCheck(
            "depth", f"ratio along {whole.network}", setting, source, None, whole.predicted,
            whole.measured, whole.error * whole.predicted, whole.holds, True,
        ),
        LawCheck(
            "depth", f"gain of block {worst.block} of {whole.network}, the worst", setting, source,
            None, worst.predicted, worst.measured.value, worst.measured.error, profile.within,
            profile.blocks_are_judged,
        ),
    )  # fmt: skip


def _row(check: LawCheck) -> tuple[str, ...]:
    error = f"± {check.error:.2g}" if check.error else ""
    holds = "yes" if check.holds else "NO" if check.judged else "no, which is not judged"
    published = "" if check.published is None else f"{check.published:.5g}"
    numbers = (published, f"{check.expected:.5g}", f"{check.measured:.5g}")
    return (check.what, check.setting, *numbers, error, holds)
