import pytest

from derivations.errors import InputError
from validate.study.protocol import PROTOCOL, read_protocol


def test_the_protocol_asks_for_the_study_that_is_described():
    protocol = read_protocol()
    assert len(protocol.flow.strata) == 4
    assert len(protocol.flow.levels) == 8
    assert len({level.name for level in protocol.flow.levels}) == 8
    assert all((level.skip, level.branch) != (0, 0) for level in protocol.flow.levels)
    assert protocol.depth.gain.pairs <= protocol.depth.look.most
    assert protocol.text == PROTOCOL.read_text()


def test_seeds_are_none_of_the_exploratory_ones_and_no_two_parts_share_one():
    protocol = read_protocol()
    flow, depth = protocol.flow, protocol.depth
    seeds = [
        range(flow.first_seed, flow.first_seed + flow.seeds * len(flow.strata) * len(flow.levels)),
        range(depth.gain.first_seed, depth.gain.first_seed + depth.look.most),
        range(depth.gate.first_seed, depth.gate.first_seed + depth.gate.pairs),
    ]
    assert min(map(min, seeds)) >= 100
    assert len({seed for part in seeds for seed in part}) == sum(map(len, seeds))


def test_another_text_has_another_digest(tmp_path):
    other = tmp_path / "protocol.toml"
    other.write_text(PROTOCOL.read_text().replace("seeds = 3", "seeds = 4"))
    assert read_protocol(other).digest != read_protocol().digest
    assert read_protocol(other).flow.seeds == 4


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("seeds = 3", "", "flow.seeds"),
        ("seeds = 3", "seeds = 3\nkind = 1", "flow.kind"),
        ("level = 0.05", "level = 1.5", "level"),
        ("level = 0.05", "level = nan", "level"),
        ("skip = 0.25", "skip = -1.0", "flow.levels.1.skip"),
        ("gradbound.protocol/1", "gradbound.protocol/2", "schema"),
        ("level = 0.05", "level = ", "cannot read"),
    ],
)
def test_what_is_no_protocol_is_refused(tmp_path, before, after, place):
    path = tmp_path / "protocol.toml"
    text = PROTOCOL.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(InputError, match=place):
        read_protocol(path)


def test_a_missing_protocol_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read the protocol"):
        read_protocol(tmp_path / "none.toml")
