"""The lists of theorems and axioms: whole, in the book's order, and without a name twice."""

import pkgutil
from importlib import import_module

import derivations.laws
import derivations.theorems
from derivations.algebra.quantities import AXIOMS
from derivations.book.results import axioms, theorems
from derivations.laws import depth_axioms, every_loss_law, law
from derivations.theorems.every_loss_labels import S_LEMMA
from derivations.theorems.scaled_branches import NEAR_IDENTITY

STATING = (
    "theorems",
    "laws",
    "every_loss_laws",
    "depth_laws",
    "open_depth_laws",
    "scaled_depth_laws",
    "published_laws",
)


def ids() -> list[str]:
    return [theorem.id for theorem in theorems()]


def test_no_theorem_is_listed_twice():
    assert len(ids()) == len(set(ids()))


def test_no_room_of_theorems_is_forgotten():
    """Every module that states results of its own has them in the list, in its order."""
    stating = 0
    for room in (derivations.theorems, derivations.laws):
        for each in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            module = import_module(each.name)
            for name in STATING:
                make = getattr(module, name, None)
                if make is None or make.__module__ != each.name:
                    continue
                stated = [getattr(made, "theorem", made).id for made in make()]
                assert [each for each in ids() if each in stated] == stated, module
                stating += 1
    assert stating >= 17


def test_what_is_exact_comes_before_what_holds_in_law():
    certainties = [theorem.certainty for theorem in theorems()]
    exact = certainties.index("law")
    assert set(certainties[:exact]) == {"exact"}


def test_axioms_are_those_of_norms_then_those_of_gaussian_matrices():
    names = [axiom.id for axiom in axioms()]
    cited = (*law.AXIOMS, *every_loss_law.AXIOMS, *depth_axioms.AXIOMS)
    assert names == [*AXIOMS, S_LEMMA[0], NEAR_IDENTITY[0], *(axiom.id for axiom in cited)]
    assert len(names) == len(set(names))
    assert all(axiom.statement and axiom.source for axiom in axioms())
