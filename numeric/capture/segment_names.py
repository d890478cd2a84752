"""Names segments by the paths of the user's modules."""

from collections.abc import Sequence
from itertools import takewhile

from numeric.capture.flow import Step
from numeric.recording.operations import name_of


class Names:
    """Gives each segment of a model a name of its own."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def of(self, steps: Sequence[Step], joins: bool) -> str:
        """The path of the module that joins, with what tells it from others of the same path.

        `steps` are those of the segment, its result's the last.
        """
        path = _path(steps, joins)
        if path in self._taken and not joins:
            path = f"{path}:{steps[-1].node.name}"
        self._taken[path] = self._taken.get(path, 0) + 1
        return path if self._taken[path] == 1 else f"{path}+{self._taken[path] - 1}"


def _path(steps: Sequence[Step], joins: bool) -> str:
    """The path of the module that joins; of a stretch that of its layer, of a concatenation that
    of the module whose result is new: the next module may be the one that concatenates.
    """
    node = steps[-1].node
    if name_of(node) == "cat":
        inside = [each.node.module for each in steps if each.node.module not in ("", node.module)]
        common = _common_path(inside)
        if common and common != node.module.split(".")[: len(common)]:
            return ".".join(common)
    elif not joins:
        weighted = [step.node.module for step in steps if step.traits.weighted]
        return (weighted or [node.module])[0] or node.name
    return node.module or node.name


def _common_path(modules: Sequence[str]) -> list[str]:
    """The names that all paths begin with."""
    paths = [module.split(".") for module in modules]
    return [
        names[0] for names in takewhile(lambda each: len(set(each)) == 1, zip(*paths, strict=False))
    ]
