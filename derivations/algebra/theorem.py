"""States the results that are about no single block: stacks, architectures, laws.

A `Theorem` is a derivation and the step of it that says the result; `check.py` judges its steps
like any other.
"""

from dataclasses import dataclass
from typing import Literal

from derivations.algebra.steps import Derivation, Step


@dataclass(frozen=True)
class Theorem:
    """One result. `statement` says it in a sentence, `conditions` when it holds, `source` where it
    is from.

    `certainty` is "exact", or "law" for the distribution over random weights. `setting` describes
    the network for which it is exact, where that is more than its conditions; `result_label` is
    LaTeX that says what the result is about, where its two sides do not show it.
    """

    id: str
    title: str
    statement: str
    derivation: Derivation
    result: Step
    conditions: tuple[str, ...] = ()
    certainty: Literal["exact", "law"] = "exact"
    source: str = ""
    setting: str = ""
    result_label: str = ""
