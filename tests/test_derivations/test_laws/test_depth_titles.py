"""Every law about depth is called by words, no two alike."""

from derivations.book.results import theorems
from derivations.laws.depth_titles import TITLES

NOT_LAWS = {"moments", "layers"}


def test_every_law_has_a_title_of_its_own():
    kinds = {each.id: each.title for each in theorems()}
    depth = {key.removeprefix("depth."): title for key, title in kinds.items() if "depth." in key}
    laws = {key: title for key, title in depth.items() if key not in NOT_LAWS}
    assert laws == {key: f"Depth law: {title}" for key, title in TITLES.items()}
    assert len(set(TITLES.values())) == len(TITLES)
    assert not any("_" in title for title in TITLES.values())
    assert TITLES["se_held"] == "SE residual block, gate held fixed"
