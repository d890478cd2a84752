"""Builds models of torchvision and timm by name, with random weights: nothing is downloaded.

Neither need be installed; where one is missing, the refusal names the extra that brings it.
"""

import importlib
import importlib.util
import inspect
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from derivations.errors import InputError, nearest

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept_alive: list[torch.library.Library] = []  # a library takes its operators with it
_IMAGE = (3, 224, 224)
_INCEPTION = (3, 299, 299)


def has_torchvision(name: str) -> bool:
    """Whether torchvision is installed and has a model of this name."""
    return importlib.util.find_spec("torchvision") is not None and name in _torchvision_names()


def torchvision_model(
    name: str, num_classes: int | None
) -> tuple[nn.Module, tuple[int, ...] | None]:
    """A model of torchvision, and the shape of one image that it takes: (3, 224, 224), (3, 299,
    299) for Inception v3; None for those of video, which have none in common.

    Raises InputError if torchvision is missing, has no such model or cannot build it, and for
    detection and optical flow, whose inputs are no single tensor.
    """
    models = _module("torchvision.models")
    if name not in (names := _torchvision_names()):
        raise InputError(f"torchvision has no model {name!r}{_closest(name, names)}")
    builder = models.get_model_builder(name)
    family = builder.__module__.split(".")[2]
    if family in ("detection", "optical_flow"):
        raise InputError(
            f"torchvision:{name} takes more than a batch of images: write a function that returns "
            "it with its example inputs, and name it as FILE.py:CALLABLE"
        )
    options: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(builder).parameters:
        options["weights_backbone"] = None  # by default they are downloaded
    if name.endswith(("inception_v3", "googlenet")):
        options["init_weights"] = True  # the default, which warns
    model = _built(f"torchvision:{name}", builder, options, num_classes)
    size = _INCEPTION if name.endswith("inception_v3") else _IMAGE
    return model, None if family == "video" else size


def timm_model(
    name: str, num_classes: int | None, input_size: tuple[int, ...] | None = None
) -> nn.Module:
    """A model of timm, made for images of `input_size` where it must know that beforehand.

    Raises InputError if timm is missing, has no such model or cannot build it, and for names of
    places (`hf-hub:…`, `local-dir:…`) rather than models.
    """
    timm = _module("timm")
    if any(mark in name for mark in ":/\\"):
        raise InputError(
            f"timm:{name} names a place, and nothing is downloaded: write timm:NAME, and "
            "--checkpoint FILE.safetensors for its weights"
        )
    # What follows a dot names published weights, which are not read.
    if not timm.is_model(name.partition(".")[0]):
        raise InputError(f"timm has no model {name!r}{_closest(name, timm.list_models())}")
    options: dict[str, Any] = {"model_name": name, "pretrained": False}
    if input_size and len(input_size) == 3:
        if input_size[0] != 3:
            options["in_chans"] = input_size[0]
        stated = timm.get_pretrained_cfg(name) if "." in name else None
        stated = stated or timm.get_pretrained_cfg(name.partition(".")[0])
        if stated is not None and stated.fixed_input_size:
            options["img_size"] = input_size[1:]
    return _built(f"timm:{name}", timm.create_model, options, num_classes)


def _closest(name: str, names: list[str]) -> str:
    """How a refusal of `name` ends: with the nearest of these names, if one is near."""
    near = nearest(name, names)
    return f": did you mean {near!r}?" if near else f": it has {len(names)}, such as {names[0]}"


def _torchvision_names() -> list[str]:
    names: list[str] = _module("torchvision.models").list_models()
    return names


def _built(
    target: str, builder: Any, options: dict[str, Any], num_classes: int | None
) -> nn.Module:
    if num_classes is not None:
        options["num_classes"] = num_classes
    try:
        model: nn.Module = builder(**options)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "")
        raise InputError(
            f"{target} cannot be built ({type(error).__name__}: {reason}): change the options, or "
            "name another model"
        ) from error
    return model


def _module(name: str) -> ModuleType:
    package = name.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        raise InputError(f"{package} is not installed: run `python -m pip install {package}`")
    try:
        _provide_operators()  # timm imports torchvision too
        return importlib.import_module(name)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "")
        raise InputError(
            f"{package} cannot be imported ({reason}): run `python -m pip install {package}` "
            "in the environment of this torch"
        ) from error


def _provide_operators() -> None:
    """Declares two operators that torchvision's own library would, where that cannot be loaded.

    The wheel of PyPI is made for a torch with CUDA. Beside one without, its library is left out in
    silence, and then `import torchvision` fails over operators that no classifier uses.
    """
    found = importlib.util.find_spec("torchvision")
    if torch.version.cuda is not None or found is None or not found.origin:
        return
    # Loaded first: once it is, no second library may declare the same operators.
    for path in Path(found.origin).parent.glob("_C.*"):
        with suppress(OSError):
            torch.ops.load_library(path)
    missing = [each for each in _OPERATORS if not _declared(each.partition("(")[0])]
    if missing:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for each in missing:
            library.define(each)
        _kept_alive.append(library)


def _declared(operator: str) -> bool:
    return hasattr(torch.ops.torchvision, operator)
