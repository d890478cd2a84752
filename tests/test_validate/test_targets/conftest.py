"""Skips tests of torchvision and timm where these are not installed."""

from types import ModuleType

import pytest

from validate.targets import zoo_models


@pytest.fixture
def torchvision() -> ModuleType:
    zoo_models._provide_operators()
    return pytest.importorskip("torchvision")


@pytest.fixture
def timm() -> ModuleType:
    zoo_models._provide_operators()
    return pytest.importorskip("timm")
