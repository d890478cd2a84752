"""Watches the gains of every block of a model while its user trains it, in the user's own loop.

Two hooks on the model that is called are all that is hung on it. A watched step costs one norm per
block, on the device; nothing waits until rows are read.
"""

import sys
import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from torch._C import _functorch

from derivations.errors import InputError
from validate.measure.signal_hooks import SignalHooks
from validate.measure.signal_norms import tensor_norms
from validate.records.storage import write_atomic
from validate.watching.alerts import Alert, AlertJudge, AlertRules
from validate.watching.watch_document import (
    SCHEMA,
    AlertRow,
    ParameterRow,
    WatchDocument,
    WatchRows,
)
from validate.watching.watch_ledger import ParameterNorms, ScalarWriter, WatchLedger
from validate.watching.watch_plan import WatchPlan
from validate.watching.watch_plans import WatchPlans
from validate.watching.watchable import Watchable, watchable


def watch(
    model: nn.Module,
    every: int = 1,
    *,
    alerts: bool = True,
    writer: ScalarWriter | None = None,
    details: int = 10,
    keep: int | None = 1000,
    **rules: float,
) -> "Watch":
    """Watches every `every`-th forward pass of `model` that autograd follows, until closed.

    A step is such a forward pass, counted from 0, and each backward pass through it gives one row
    per block, of the whole batch, in the mode and precision the model trains in. Each `details`-th
    watched step, the first one included, gives parameters' rows and idle units too. `alerts` says
    whether blocks are judged, by the limits of AlertRules, which may be given by name: min_gain,
    max_gain, patience, dead_share, gate_opening. `writer` gets gain/BLOCK, gradient/NAME and
    relative/NAME by add_scalar(tag, value, step). Rows of the last `keep` backward passes are kept,
    all if None.

    Gains do not depend on the scale of the loss, so a GradScaler changes none; signals and norms of
    parameters carry its factor. Parameters are read when backward() ends: clipped by nobody, the
    row "(all)" is the one norm that clip_grad_norm_ starts from, and added up over all backward
    passes since they were zeroed. Raises InputError for a limit that is none and a model that
    cannot be watched, by name; the first watched forward pass raises CaptureError where the model
    cannot be captured.
    """
    if every < 1 or details < 1:
        raise InputError(f"every is {every}, details {details}: 1 is each step, 2 each second, …")
    if keep is not None and keep < 1:
        raise InputError(f"keep is {keep}: keep at least one backward pass, or all with None")
    try:
        limits = AlertRules(**rules)  # type: ignore[arg-type]
    except TypeError as error:
        known = ", ".join(AlertRules.__dataclass_fields__)
        raise InputError(f"unknown limit among {', '.join(rules)}: choose from {known}") from error
    found = watchable(model)
    if any(isinstance(getattr(each, "__self__", None), Watch) for each in _hooks_of(found.root)):
        raise InputError("the model is watched already: close that watch first")
    ledger = WatchLedger(AlertJudge(limits) if alerts else None, writer, keep)
    return Watch(found, every, details, ledger)


@dataclass
class _Forward:
    """One forward pass that runs under hooks; `caller` knows the frame that called it."""

    step: int
    plan: WatchPlan
    key: Any
    hooks: SignalHooks
    detailed: bool
    caller: int


class Watch:
    """Watches one model until it is closed, or left as a context; made by `watch`.

    It holds no model and no graph: a model that its user drops is freed, hooks and all.
    """

    def __init__(self, found: Watchable, every: int, details: int, ledger: WatchLedger) -> None:
        self.every, self.details, self._ledger = every, details, ledger
        self._root, self._original = weakref.ref(found.root), weakref.ref(found.original)
        self._plans = WatchPlans(found.fixed, found.remarks)
        self._compiled, self._target = found.compiled, type(found.original).__name__
        self._step = -1
        self._planning = False
        self._running: _Forward | None = None
        self._stack = ExitStack()
        self._pass = -1
        self._fired: list[_Forward] = []
        self._gradients: dict[str, tuple[int, int] | None] = {}
        self._closed = False
        self._handles = [
            found.root.register_forward_pre_hook(self._before, prepend=True, with_kwargs=True),
            found.root.register_forward_hook(self._after, with_kwargs=True, always_call=True),
        ]

    @property
    def rows(self) -> WatchRows:
        """One row for each block and backward pass, the oldest first. Waits for the device."""
        self._ledger.read()
        return WatchRows(row for rows in self._ledger.blocks for row in rows)

    @property
    def parameters(self) -> list[ParameterRow]:
        """One row for each parameter with a gradient, and "(all)", for each backward pass."""
        self._ledger.read()
        return [row for rows in self._ledger.parameters for row in rows]

    @property
    def alerts(self) -> list[Alert]:
        """What was worth a word so far, the oldest first."""
        self._ledger.read()
        return list(self._ledger.alerts)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the rows do not show, and why, in words."""
        return tuple(self._plans.remarks)

    def __str__(self) -> str:
        return f"{self!r}\n{self._document()}"

    def _repr_html_(self) -> str:
        return self._document()._repr_html_()

    def to_json(self) -> str:
        """All rows and alerts as one `gradbound.watch/1` document. Waits for the device."""
        return self._document().json()

    def _document(self) -> WatchDocument:
        alerts = tuple(
            # A number that is not finite is written as null.
            AlertRow(each.step, each.block, each.what, each.number, each.cause)
            for each in self.alerts
        )
        return WatchDocument(
            SCHEMA, self._target, self.every, tuple(self.rows), tuple(self.parameters), alerts,
            self.remarks,
        )  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Writes the document whole or not at all, as `gradbound figures` and `report` read it.

        Raises InputError where the path cannot be written.
        """
        write_atomic(Path(path), self.to_json().encode())

    def close(self) -> None:
        """Detaches from the model, which is as it was before; rows can be read on."""
        self._closed = True
        self._leave()
        for handle in self._handles:
            handle.remove()
        self._ledger.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __deepcopy__(self, memo: object) -> Self:
        """A copy of the model is not watched: its hooks lead here, and are not the model's."""
        return self

    def __reduce__(self) -> tuple[Callable[[], "Watch"], tuple[()]]:
        return _detached, ()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"every {self.every}"
        return f"<Watch, {state}, {self._step + 1} forward passes seen>"

    def _before(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if module is not self._root() or self._closed or not torch.is_grad_enabled():
            return
        # A capture, this watch's own or another's, runs the model too.
        if self._planning or _functorch.peek_interpreter_stack() is not None or self._is_nested():
            return
        self._step += 1
        if self._step % self.every:
            return
        original = self._original()
        assert original is not None
        self._eager()
        self._planning = True
        try:
            key, plan, strict = self._plans.find(original, args, kwargs)
        except BaseException:
            self._leave()
            raise
        finally:
            self._planning = False
        if plan is None:
            self._leave()
            return
        detailed = self._step // self.every % self.details == 0
        hooks = SignalHooks(
            plan.points, lambda number: self._began(running, number), strict, detailed
        )
        running = _Forward(self._step, plan, key, hooks, detailed, _caller())
        self._running = running
        hooks.met(0, "in", (args, kwargs))
        self._stack.enter_context(hooks)

    def _after(self, module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        running = self._running
        if running is None or module is not self._root() or running.caller != _caller():
            return
        self._leave()
        running.hooks.finish()
        self._plans.judge(running.key, running.step, running.hooks)

    def _eager(self) -> None:
        """What is compiled runs as it was written, where Python meets its values."""
        if self._compiled:
            self._stack.enter_context(torch.compiler.set_stance("force_eager"))

    def _leave(self) -> None:
        self._running = None
        self._stack.close()

    def _is_nested(self) -> bool:
        """Whether the model is calling itself. An interrupt, which runs no hook, may have left a
        mode behind; that is left now.
        """
        if self._running is None:
            return False
        frame = sys._getframe(2).f_back
        while frame is not None:
            if id(frame) == self._running.caller:
                return True
            frame = frame.f_back
        self._leave()
        return False

    def _began(self, running: _Forward, number: int) -> None:
        """The first signal of a backward pass has arrived at a forward pass."""
        if self._closed:
            return
        if number != self._pass:
            self._pass, self._fired, self._gradients = number, [], {}
            _at_the_end(lambda: _at_the_end(lambda: self._ended(number)))
        if running.detailed and not self._gradients:
            self._gradients = {name: _state(p) for name, p in self._weights().items()}
        self._fired.append(running)

    def _ended(self, number: int) -> None:
        fired, self._fired, self._pass = self._fired, [], -1
        if self._closed:
            return
        fired.sort(key=lambda each: each.step)
        for each in fired:
            # What several forward passes sent back together is told once.
            told = self._gradients and each is fired[-1]
            norms = self._parameter_norms() if told else None
            self._ledger.add(each.step, each.plan, each.hooks.take(number), norms)

    def _parameter_norms(self) -> ParameterNorms | None:
        """None where this backward pass left no gradient in any parameter."""
        weights = self._weights()
        found = {name: p for name, p in weights.items() if p.grad is not None}
        if all(_state(p) == self._gradients.get(name) for name, p in found.items()):
            return None
        gradients = tensor_norms([p.grad for p in found.values() if p.grad is not None])
        sizes = tensor_norms([*found.values()])
        return ParameterNorms(tuple(found), tuple(gradients), tuple(sizes))

    def _weights(self) -> Mapping[str, nn.Parameter]:
        original = self._original()
        return dict(original.named_parameters()) if original is not None else {}


def _at_the_end(call: Callable[[], None]) -> None:
    """Calls when the backward pass that runs has ended, after those who asked earlier: in the
    second round also after DistributedDataParallel has put the mean gradients in place.
    """
    torch.autograd.Variable._execution_engine.queue_callback(call)


def _state(parameter: nn.Parameter) -> tuple[int, int] | None:
    gradient = parameter.grad
    return None if gradient is None else (id(gradient), gradient._version)


def _caller() -> int:
    """The frame of the module's call, whose hook calls this."""
    return id(sys._getframe(2))


def _hooks_of(module: nn.Module) -> list[object]:
    return list(module._forward_pre_hooks.values())


def _detached() -> Watch:
    """What a pickled model holds in a watch's place: one that watches nothing."""
    model = nn.Identity()
    found = Watch(Watchable(model, model, False, False, ()), 1, 1, WatchLedger(None, None, 1))
    found.close()
    return found
