"""Finds the plan for a forward pass: captures what is new, a bounded number of times.

A run that turns out not to be what was captured is dropped, and captured anew when it comes again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from derivations.errors import GradboundError
from validate.measure.signal_hooks import SignalHooks
from validate.watching.watch_plan import WatchPlan, key_of, plan_of_run

CAPTURES = 8
Found = tuple[Any, WatchPlan | None, bool]


class WatchPlans:
    """The plans of one model by what its runs depend on. `fixed`: it is captured only once."""

    def __init__(self, fixed: bool, remarks: Sequence[str] = ()) -> None:
        self._left = 1 if fixed else CAPTURES
        self.remarks = dict.fromkeys(remarks)
        self._plans: dict[Any, WatchPlan] = {}
        self._calls: dict[Any, int] = {}
        self._alike: dict[Any, WatchPlan] = {}
        self._strayed = False

    def find(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Found:
        """The key of a run, its plan, and whether shapes must be those of the plan.

        The plan is None where nothing is known of such a run and no capture is left. Raises
        CaptureError where the first capture fails.
        """
        structure, shapes = key_of(model, args, kwargs)
        key = (structure, shapes)
        if key in self._plans:
            return key, self._plans[key], True
        if self._left:
            return key, self._captured(key, model, args, kwargs), True
        self.remark(
            "the model was captured often enough: runs of other shapes are looked at where the "
            "last capture of the same structure tells"
        )
        return key, self._alike.get(structure), False

    def judge(self, key: Any, step: int, hooks: SignalHooks) -> None:
        """Drops a run that is not the planned one, and its plan with it."""
        calls = self._calls.setdefault((key, hooks.strict), hooks.calls)
        if hooks.problem is None and calls != hooks.calls:
            hooks.problem = f"{hooks.calls} torch functions are called instead of {calls}"
        if hooks.problem is not None:
            if not self._strayed:
                self.remark(
                    f"no rows for forward pass {step}, and perhaps for later ones: the model does "
                    f"not run as it was captured ({hooks.problem})"
                )
            self._strayed = True
            self._plans.pop(key, None)
            self._calls.pop((key, hooks.strict), None)

    def remark(self, words: str) -> None:
        self.remarks[words] = None

    def _captured(self, key: Any, model: nn.Module, args: Any, kwargs: Any) -> WatchPlan | None:
        first, self._left = not self._alike, self._left - 1
        try:
            plan = _without_cache(model, args, kwargs)
        except GradboundError as error:
            if first:
                raise
            self.remark(f"some runs are not looked at: {error}")
            return None
        for words in plan.remarks:
            self.remark(words)
        self._plans[key] = self._alike[key[0]] = plan
        return plan


def _without_cache(model: nn.Module, args: Any, kwargs: Any) -> WatchPlan:
    """Autocast would keep the recording's copies of weights for the user's own run."""
    before = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        return plan_of_run(model, args, kwargs)
    finally:
        torch.set_autocast_cache_enabled(before)
