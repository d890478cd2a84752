"""Defines a mutant: one textual change that the toolkit, or a test, must notice."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """`before` must occur exactly once in `file`, however it is broken into lines.

    `judge` says who must notice: a block for `derive` ("" for all), a module of theorems, or a
    test file. Without one, a mutant of a theorem is judged by its own module, any other by the
    tests of its module.
    """

    name: str
    file: str
    before: str
    after: str
    judge: str | None = None

    @property
    def module(self) -> str:
        """The module that is broken."""
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def tests(self) -> str:
        """The test file that mirrors the module."""
        *folders, module = self.module.split(".")
        return "/".join(["tests", *(f"test_{each}" for each in folders), f"test_{module}.py"])

    def broken(self, source: str) -> str:
        """The source with the change made; the text to change must occur once."""
        tokens = map(re.escape, re.findall(r"\w+|[^\w\s]", self.before))
        changed, found = re.subn(r"\s*".join(tokens), lambda _: self.after, source)
        assert found == 1, f"{self.name}: what is to be broken occurs {found} times"
        return changed

    def live(self, folder: Path) -> None:
        """Breaks the copy of the packages in the folder."""
        target = folder / self.file
        target.write_text(self.broken(target.read_text(encoding="utf-8")), encoding="utf-8")
