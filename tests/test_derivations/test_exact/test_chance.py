"""Draws: new in every process, the same within one, and repeatable."""

import os
import subprocess
import sys

from derivations.exact.chance import WIDTH, drawing

PRINTED = "from derivations.exact.chance import drawing; print(drawing('x').random())"


def in_a_process(**given: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "GRADBOUND_SEED"} | given
    done = subprocess.run(
        [sys.executable, "-c", PRINTED], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_purpose_has_its_own_draws():
    assert drawing("a", 1).random() == drawing("a", 1).random()
    assert drawing("a", 1).random() != drawing("a", 2).random()
    assert WIDTH >= 2**31


def test_every_process_draws_anew_unless_told():
    assert in_a_process() != in_a_process()
    assert in_a_process(GRADBOUND_SEED="7") == in_a_process(GRADBOUND_SEED="7")
