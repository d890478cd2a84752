"""Makes small folders of images, one per class, and headers that promise more than they hold."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

ENDINGS = {"PNG": "png", "JPEG": "jpg", "BMP": "bmp", "PPM": "ppm"}


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image: np.ndarray | Image.Image, form: str = "PNG", **settings: object) -> bytes:
    """An image, or the array (h, w) or (h, w, 3) of one, as a file."""
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(
        stream, form, **settings
    )
    return stream.getvalue()


def image_folder(
    folder: Path,
    *,
    classes: int = 2,
    count: int = 3,
    size: int = 8,
    channels: int = 1,
    form: str = "PNG",
    seed: int = 0,
) -> Path:
    """`count` images a class in train/ and test/, see `original`."""
    for split in ("train", "test"):
        for label in range(classes):
            place = folder / split / f"class{label}"
            place.mkdir(parents=True)
            for number in range(count):
                array = original(split, label, number, size=size, channels=channels, seed=seed)
                (place / f"{number:03}.{ENDINGS[form]}").write_bytes(encoded(array, form))
    return folder


def original(
    split: str, label: int, number: int, *, size: int = 8, channels: int = 1, seed: int = 0
) -> np.ndarray:
    """What `image_folder` stores: (size, size) or (size, size, 3), the darker the greater the
    label.
    """
    shape = (size, size) if channels == 1 else (size, size, channels)
    return pixels(
        *shape, seed=1_000_000 * seed + 1000 * label + number + 500 * (split == "test")
    ) // (label + 1)


def png(
    width: int, height: int, depth: int, colour: int, data: bytes = b"", *extra: tuple[bytes, bytes]
) -> bytes:
    """A PNG file with this header and extra chunks, whatever the data, unpacked, are."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), *extra, (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
