"""Reads a folder of images in torchvision's layout.

One folder per class: train/CLASS/* and test/CLASS/* (or val/CLASS/*). Nothing is converted, resized
or guessed, and no link is followed out of the folder: what does not fit is refused by name. Damage
that a decoder fills without a word, as the end of a JPEG that was cut, is not seen.
"""

import io
import math
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from derivations.errors import InputError
from validate.records.storage import WaysOut, is_inside, read_bytes

GET_IMAGE_FOLDER = (
    "point --data-dir at a folder that holds train/CLASS/* and test/CLASS/* (or val/CLASS/*)"
)
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".ppm": "PPM",
    ".pgm": "PPM",
}
UNREAD = (".tif", ".tiff", ".webp")
"""Images to torchvision: left out without a word, they would be missed."""
CHANNELS = {"L": 1, "RGB": 3}
LARGEST_FILE = 2**24
"""Bytes of one file."""
LARGEST_IMAGE = 2**20
"""Pixels of one image."""
LARGEST_FOLDER = 2**29
"""Values (pixels times channels) of all images together: every process that trains holds them in
float32, 2 GiB."""

_WAYS_OUT = WaysOut("make it readable or remove it", "remove it", "shrink or remove it")

Pixels = NDArray[np.uint8]


class Labelled(NamedTuple):
    """The images (samples, channels, size, size) of a split and the labels (samples,) of their
    classes.
    """

    images: Pixels
    labels: NDArray[np.int64]


def find_splits(folder: Path) -> tuple[Path, Path] | None:
    """The folders of the training and the test split, where both are there; `val` is the test split
    only where there is no `test`.
    """
    for second in ("test", "val"):
        if (folder / "train").is_dir() and (folder / second).is_dir():
            return folder / "train", folder / second
    return None


def read_image_folder(folder: Path) -> tuple[tuple[str, ...], Labelled, Labelled]:
    """The classes by name, whose places are the labels, the training and the test split.

    Each split holds the first image of every class by path, then the second of every class, …: its
    front, too, holds them all. Hidden files are ignored, as are files without the ending of an
    image. All images must be square, of one size, and all grey or all RGB, 8 bits a channel without
    transparency. What a file says of colour profiles and orientation is not applied, as in
    torchvision.

    Raises InputError for a folder of another layout, a class that is empty or in one split alone, a
    link that leads out of the folder, an image that is broken, too large, unlike the first or not
    of the format that its ending says, and for more than LARGEST_FOLDER values.
    """
    splits = find_splits(folder)
    if splits is None:
        raise InputError(f"no image folder at {folder}: {GET_IMAGE_FOLDER}")
    train, test = (_classes(split, folder) for split in splits)
    if lone := sorted(train.keys() ^ test.keys()):
        raise InputError(
            f"the class {lone[0]!r} is in only one of {splits[0]} and {splits[1]}: both must "
            "hold the same classes"
        )
    if len(train) < 2:
        raise InputError(
            f"{splits[0]} holds {len(train)} classes, and there is nothing to learn from "
            f"fewer than 2: {GET_IMAGE_FOLDER}"
        )
    files, test_files = _in_turn(train), _in_turn(test)
    if shared := {path.resolve() for _, path in files} & {path.resolve() for _, path in test_files}:
        raise InputError(
            f"{min(shared)} is in both {splits[0].name} and {splits[1].name}: a network is "
            "not tested on what it learned from"
        )
    first = files[0][1]
    shape, count = _image(first).shape, len(files) + len(test_files)
    if count * math.prod(shape) > LARGEST_FOLDER:
        raise InputError(
            f"{folder} holds {count} images like {first}, {_words(shape)}: more than "
            f"{LARGEST_FOLDER} values, leave some out"
        )
    return tuple(train), _read(files, first, shape), _read(test_files, first, shape)


def pixel_moments(images: Pixels, source: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the pixels, scaled to [0, 1], by channel. Raises InputError
    for a constant channel.
    """
    count = images.size // images.shape[1]
    sums = images.sum(axis=(0, 2, 3), dtype=np.int64).tolist()
    squares = np.einsum("nchw,nchw->c", images, images, dtype=np.int64).tolist()
    # Times count², so that they are exact integers.
    variances = [count * square - total**2 for total, square in zip(sums, squares, strict=True)]
    if 0 in variances:
        raise InputError(
            f"channel {variances.index(0)} is constant in all training images of {source}: it "
            "cannot be normalized, drop it"
        )
    return tuple(total / count / 255 for total in sums), tuple(
        math.sqrt(variance) / count / 255 for variance in variances
    )


def _classes(split: Path, folder: Path) -> dict[str, list[Path]]:
    """The images of each class, both sorted."""
    _check_link(split, folder)
    places = [place for place in _visible(split, folder) if place.is_dir()]
    classes = {
        place.name: [path for path in _visible(place, folder) if _is_image(path)]
        for place in places
    }
    if empty := [place for place in places if not classes[place.name]]:
        raise InputError(
            f"{empty[0]} holds no image ({', '.join(FORMATS)}): add some or remove the folder"
        )
    return classes


def _visible(place: Path, folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in place.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(
            f"cannot read the folder {place} ({error.strerror}): make it readable"
        ) from error
    for path in found:
        _check_link(path, folder)
    return found


def _check_link(path: Path, folder: Path) -> None:
    if path.is_symlink() and not is_inside(path, folder):
        raise InputError(f"{path} leads out of {folder}: replace the link by what it leads to")


def _is_image(path: Path) -> bool:
    """By its ending, as in torchvision.

    Raises InputError for what torchvision would read and we do not.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder inside a class: move its images into {path.parent}")
    if path.suffix.lower() in UNREAD:
        raise InputError(f"{path} is of a format that is not read: save it as PNG or remove it")
    return path.suffix.lower() in FORMATS


def _in_turn(classes: dict[str, list[Path]]) -> list[tuple[int, Path]]:
    """Label and path of the first image of every class, of the second of every class, …"""
    # By rank first: a preset takes the front of a split, which must hold every class.
    ranked = sorted(
        (rank, label, path)
        for label, paths in enumerate(classes.values())
        for rank, path in enumerate(paths)
    )
    return [(label, path) for _, label, path in ranked]


def _read(files: list[tuple[int, Path]], first: Path, shape: tuple[int, ...]) -> Labelled:
    """The images, each of the shape of the `first`."""
    # One array for all: a list of images and their stack would need the memory twice.
    images = np.empty((len(files), *shape), np.uint8)
    for place, (_, path) in enumerate(files):
        image = _image(path)
        if image.shape != shape:
            raise InputError(
                f"{path} is {_words(image.shape)}, but {first} is {_words(shape)}: all must "
                "be alike, convert or remove it"
            )
        images[place] = image
    return Labelled(images, np.array([label for label, _ in files]))


def _words(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[2]} {'grey' if shape[0] == 1 else 'RGB'}"


def _image(path: Path) -> Pixels:
    """The decoded image: (channels, size, size). Its header is judged before a pixel is decoded."""
    form = FORMATS[path.suffix.lower()]
    content = read_bytes(path, LARGEST_FILE, _WAYS_OUT)
    with warnings.catch_warnings():
        # Pillow only warns of some decompression bombs and broken files.
        warnings.simplefilter("error")
        try:
            with Image.open(io.BytesIO(content), formats=(form,)) as image:
                _check_header(image, path)
                image.load()
                pixels = np.array(image)
        except InputError:
            raise
        except UnidentifiedImageError as error:
            raise InputError(
                f"{path} is no {form} file, whatever its name says: save it as one or remove it"
            ) from error
        except Exception as error:  # whatever a decoder stumbles over is raised as it comes
            raise InputError(f"cannot read {path} ({error}): save it anew or remove it") from error
    return pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)


def _check_header(image: ImageFile, path: Path) -> None:
    width, height = image.size
    if width * height > LARGEST_IMAGE:
        raise InputError(
            f"{path} has {width}×{height} pixels, more than {LARGEST_IMAGE}: shrink or remove it"
        )
    if width != height:
        raise InputError(f"{path} is {width}×{height}, not square: crop or remove it")
    if image.mode not in CHANNELS or "transparency" in image.info:
        raise InputError(
            f"{path} is of mode {image.mode}, not grey or RGB without transparency: convert "
            "it to L or RGB, or remove it"
        )
    if getattr(image, "n_frames", 1) != 1:
        raise InputError(f"{path} holds more than one image: keep one, or remove it")
    if _is_rounded(image):
        raise InputError(
            f"{path} has other levels than 0…255: convert it to 8 bits a channel, or remove it"
        )


def _is_rounded(image: ImageFile) -> bool:
    """Whether Pillow rounds the levels without a word, as in 16-bit RGB, BMP of 16 bits a pixel,
    and PPM with a maximum other than 255.
    """
    return any(
        _rounds(image, tile.args if isinstance(tile.args, tuple) else (tile.args,))
        for tile in image.tile
    )


def _rounds(image: ImageFile, arguments: tuple[object, ...]) -> bool:
    packed = arguments[0] in ("RGB;16B", "BGR;15", "BGR;16")
    return packed or (image.format == "PPM" and arguments not in ((image.mode,), (image.mode, 255)))
