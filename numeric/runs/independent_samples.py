"""Checks that a map gives each sample a value of its own, whatever the other samples are.

Some samples are replaced at a time, so that few passes tell for every pair. Never imports a term.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import combinations, count, islice
from math import comb

import torch
from torch import Tensor, nn

from derivations.errors import GradboundError, InputError
from numeric.checks import Function, call, check_function, check_input, check_output
from numeric.runs.hooks import ALL, BACKWARD, has_hooks, silenced
from numeric.runs.watched_run import watched
from numeric.tolerances import tolerances

Values = Callable[[Tensor], Sequence[Tensor]]
"""What a map gives at an input: its value, and perhaps those of its parts."""


def others_replaced(x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """x with some samples replaced, and which were kept, (batch,) bool, a few times.

    For every two samples there is a turn that keeps the first and replaces the second: the sets of
    turns in which samples are replaced are as large as each other and differ, so none holds another
    (Sperner 1928). That takes no more than 2⌈log₂ batch⌉ turns. A single sample is kept once, to
    see whether its value comes again.
    """
    batch = len(x)
    if batch == 1:
        yield x.clone(), torch.ones(1, dtype=torch.bool)
        return
    turns = next(n for n in count(1) if comb(n, n // 2) >= batch)
    replaced = torch.zeros(batch, turns, dtype=torch.bool)
    for sample, some in enumerate(islice(combinations(range(turns), turns // 2), batch)):
        replaced[sample, list(some)] = True
    generator = torch.Generator().manual_seed(0)
    for turn in replaced.T:
        where = turn.view(-1, *[1] * (x.dim() - 1)).to(x.device)
        yield torch.where(where, _another(x, generator), x), ~turn


def check_kept(name: str, values: Tensor, before: Tensor, kept: Tensor) -> None:
    """Refuses values, (batch, *out), that are not for each kept sample what they were before."""
    if not kept_apart(values, before, kept):
        raise InputError(
            f"{name} gives a sample a value that depends on the other samples or changes from "
            "call to call: use model.eval(), act per sample"
        )


def kept_apart(values: Tensor, before: Tensor, kept: Tensor) -> bool:
    """Whether values, (batch, *out), are for each kept sample what they were before."""
    return len(values) == len(before) and _same(values[kept], before[kept])


def check_samples(name: str, run: Values, x: Tensor, before: Sequence[Tensor]) -> None:
    """Refuses a map whose values at x, `before`, are not each sample's own."""
    for other, kept in others_replaced(x):
        for value, known in zip(run(other), before, strict=True):
            check_kept(name, value, known, kept)


def quiet(
    modules: Iterable[nn.Module], run: Values, x: Tensor, before: Sequence[Tensor]
) -> Callable[[], AbstractContextManager[None]]:
    """A context in which the modules' hooks are silent.

    Hooks that run forward and without which `run` does not give `before` at x belong to the map:
    these are not silenced.
    """
    modules = tuple(modules)
    if not has_hooks(modules):
        return partial(silenced, (), ())
    try:
        with silenced(modules):
            unhooked = all(map(_same, run(x.clone()), before))
    except GradboundError:
        unhooked = False
    return partial(silenced, modules, ALL if unhooked else BACKWARD)


def check_batch_independence(function: Function, x: Tensor) -> None:
    """Refuses a function that gives a sample another value alone than inside the batch x.

    Slow: one evaluation per sample.
    """
    check_input(x)
    check_function(function, x)
    with torch.no_grad(), watched("the function", function) as watch:
        together = call(function, x.detach().clone())
    check_output(together, x)
    run = partial(call, function)
    with torch.no_grad(), quiet(watch.modules, lambda v: [run(v)], x, [together])():
        alone = torch.cat([run(sample.detach().clone()) for sample in x.split(1)])
    if alone.shape != together.shape:
        raise InputError(
            f"samples alone map to {tuple(alone.shape)}, together to {tuple(together.shape)}: "
            "act per sample"
        )
    difference, size = (alone - together).abs().max().item(), together.abs().max().item()
    if not difference <= tolerances(x.dtype).identity * size:
        raise InputError(
            f"samples depend on each other (by {difference:.1e}): remove what mixes the "
            "batch, or call model.eval()"
        )


def _another(x: Tensor, generator: torch.Generator) -> Tensor:
    """Values between the ends of x that differ from x everywhere."""
    step = (0.25 + torch.rand(x.shape, generator=generator, dtype=torch.float64) / 2).to(x)
    low, high = x.aminmax()
    if low == high:
        return step * torch.where(high == 0, 1, high)
    # Halves first: the sum of the ends may be beyond the range of the dtype.
    return x * (1 - step) + step * torch.where(x < low / 2 + high / 2, high, low)


def _same(first: Tensor, second: Tensor) -> bool:
    """Each sample's entries are equal up to rounding, relative to its largest."""
    if first.shape != second.shape:
        return False
    error = (first - second).abs().reshape(len(first), -1).amax(1)
    size = torch.maximum(first.abs(), second.abs()).reshape(len(first), -1).amax(1)
    return bool((error <= 8 * tolerances(first.dtype).identity * size).all())
