"""Tests the ranks: shares are disjoint and everything, and leave the folder of one process."""

import os
import subprocess
import sys

import pytest
from root import ROOT
from test_validate.tiny import MINIATURE, contents

from derivations.errors import InputError
from validate.records.folder import held
from validate.records.read import read_results
from validate.training.process_share import Rank, from_environment
from validate.training.sweep import run, run_share

COMMAND = """\
from test_validate.tiny import MINIATURE
from validate.training import presets
from gradbound.cli import main
presets.PRESETS["smoke"] = MINIATURE
if __name__ == "__main__":
    raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The files of a run in this process alone."""
    out = tmp_path_factory.mktemp("unbroken") / "results"
    run(MINIATURE, out)
    return contents(out)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_shares_are_disjoint_and_everything(size):
    items = list(range(10))
    assert (
        sorted(item for number in range(size) for item in Rank(number, size).share(items)) == items
    )


def test_torchrun_states_the_rank():
    assert from_environment({}) == Rank(0, 1, 0)
    assert from_environment({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}) == Rank(3, 4, 1)
    assert from_environment({"RANK": "3", "WORLD_SIZE": "4"}) == Rank(3, 4, 0)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"RANK": "0"}, "WORLD_SIZE is not"),
        ({"WORLD_SIZE": "2"}, "RANK is not"),
        ({"LOCAL_RANK": "0"}, "RANK is not"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "do not go with WORLD_SIZE 2"),
        ({"RANK": "0", "WORLD_SIZE": "0"}, "do not go with WORLD_SIZE 0"),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "2"}, "LOCAL_RANK 2 do not go"),
        ({"RANK": "-1", "WORLD_SIZE": "2"}, "'-1', no whole number"),
        ({"RANK": "one", "WORLD_SIZE": "2"}, "'one', no whole number"),
        ({"RANK": "²", "WORLD_SIZE": "2"}, "no whole number"),
    ],
)
def test_nonsense_is_refused(stated, words):
    with pytest.raises(InputError, match=words):
        from_environment(stated)


def test_the_last_to_finish_completes_the_folder(tmp_path, unbroken):
    """Whichever that is; once it is complete, the first alone reads it."""
    for order in ((0, 1), (1, 0)):
        out = tmp_path / str(order[0])
        early, late = (run_share(MINIATURE, out, Rank(number, 2)) for number in order)
        assert early is None
        assert late == read_results(out)
        assert contents(out) == unbroken
        again = [run_share(MINIATURE, out, Rank(number, 2)) is not None for number in (0, 1)]
        assert again == [True, False]
        assert contents(out) == unbroken


def test_ranks_share_the_folder_with_each_other_alone(tmp_path):
    out = tmp_path / "results"
    run_share(MINIATURE, out, Rank(0, 2))
    with held(out, shared=True):
        with pytest.raises(InputError, match="another process is writing"):
            run(MINIATURE, out)
        assert run_share(MINIATURE, out, Rank(1, 2)) is not None
    with held(out, shared=False), pytest.raises(InputError, match="another process is writing"):
        run_share(MINIATURE, out, Rank(1, 2))


def test_torchrun_leaves_the_folder_of_a_single_process(tmp_path, unbroken):
    """Two processes of the command line on the loopback interface; one of them reports, once."""
    script = tmp_path / "tiny_gradbound.py"
    script.write_text(COMMAND)
    out = tmp_path / "results"
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-addr",
        "127.0.0.1",
        "--master-port",
        "0",
    ]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
    }
    outcome = subprocess.run(
        [*launch, str(script), "validate", "--out", str(out), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("\n") == 2  # a line for each kind of check, told once
    assert outcome.stdout.startswith(f"{out}: ")
    assert " 0 violated" in outcome.stdout
    assert contents(out) == unbroken
