"""Seeds what the checker draws: anew in every process, so that no statement can be made to fit.

What is drawn is a second opinion beside a proof. `GRADBOUND_SEED` repeats a run.
"""

import os
import random
import secrets

SEED = os.environ.get("GRADBOUND_SEED") or str(secrets.randbits(64))

WIDTH = 2**31
"""Integers are drawn below this in size. A polynomial of degree d that is not 0 is 0 at drawn ones
with a probability of at most d / 2³² (Schwartz 1980, Zippel 1979)."""


def drawing(*purpose: object) -> random.Random:
    """The source of what is drawn for a purpose; the same for the same one throughout a process."""
    # A string seeds alike in every process, as its hash would not.
    return random.Random(" ".join(map(str, (SEED, *purpose))))
