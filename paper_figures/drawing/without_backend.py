"""Imports matplotlib whatever backend the environment asks for: figures are painted without one.

matplotlib refuses to be imported under a name it does not know, though only pyplot would use it.
"""

import importlib
import os
import sys
from contextlib import suppress

BACKEND = "MPLBACKEND"


def import_matplotlib() -> None:
    """Imports matplotlib, and gives it the backend of the environment only if it knows that.

    The environment stays as it is.
    """
    if "matplotlib" in sys.modules:
        return
    # Not after a refusal: what a broken import leaves behind cannot be imported again.
    backend = os.environ.pop(BACKEND, None)
    try:
        matplotlib = importlib.import_module("matplotlib")
    finally:
        if backend is not None:
            os.environ[BACKEND] = backend
    if backend:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
