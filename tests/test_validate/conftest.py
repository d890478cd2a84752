"""Shares a finished miniature validation with the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from test_validate.tiny import TINY

from validate.training.sweep import run


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unbroken run of TINY. Read only."""
    folder = tmp_path_factory.mktemp("finished") / "results"
    run(TINY, folder)
    return folder
