"""Reads CIFAR-10 and CIFAR-100 from their binary layout, and refuses the pickled one by name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from derivations.errors import InputError
from validate.data.genuine import check_classes, check_moments
from validate.data.splits import Array, Dataset, Moments, check_labels, normalized
from validate.data.unpack import existing, unpacked

GET_CIFAR10 = (
    "unpack cifar-10-binary.tar.gz from www.cs.toronto.edu/~kriz/cifar.html and point --data-dir "
    "at its folder"
)
GET_CIFAR100 = GET_CIFAR10.replace("cifar-10-", "cifar-100-")
TRAINING, TESTING = 50_000, 10_000
"""Images of either, alike of every class."""
CIFAR10_MOMENTS = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CIFAR100_MOMENTS = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))


@dataclass(frozen=True)
class Cifar:
    """CIFAR-10 or CIFAR-100 (Krizhevsky 2009), binary layout: records of labels, of which the last
    is learned, and 3×32×32 bytes.

    `classes` of each label; `train` and `test` files, of at most `limit` records; `folder` that the
    archive unpacks to, `pickled` that of the other layout.
    """

    title: str
    classes: tuple[int, ...]
    train: tuple[str, ...]
    test: str
    limit: int
    folder: str
    pickled: str
    get: str
    moments: Moments

    @property
    def name(self) -> str:
        return self.title.lower().replace("-", "")

    def load(self, folder: Path | None) -> Dataset:
        if folder is None:
            raise InputError(f"{self.title} needs --data-dir: {self.get}")
        folder = self.inside(folder)
        parts = [self._file(folder, name) for name in self.train]
        images, labels = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
        test_images, test_labels = self._file(folder, self.test)
        check_known(self, folder, images, labels, test_labels)
        train, test = (
            normalized(images, labels, self.moments),
            normalized(test_images, test_labels, self.moments),
        )
        return Dataset(self.name, train, test, augment=True, classes=self.classes[-1])

    def inside(self, folder: Path) -> Path:
        """The folder itself, or the one that the archive unpacks to inside it."""
        inner = folder / self.folder
        return inner if inner.is_dir() else folder

    def _file(self, folder: Path, name: str) -> tuple[Array, Array]:
        path = folder / f"{name}.bin"
        # The pickled layout has the same names without the ending.
        if not path.is_file() and ((folder / name).exists() or (folder / self.pickled).exists()):
            raise InputError(
                f"{folder} holds {self.title}'s python layout, which is pickled and never "
                f"read: {self.get}"
            )
        existing((path,), f"{self.title} not found ({path}): {self.get}")
        count = len(self.classes)
        records = _records(path, count, self.limit)
        for place, classes in enumerate(self.classes):
            check_labels(records[:, place], path, classes)
        return records[:, count:].reshape(-1, 3, 32, 32), records[:, count - 1]


CIFAR10 = Cifar(
    title="CIFAR-10",
    classes=(10,),
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test="test_batch",
    limit=10_000,
    folder="cifar-10-batches-bin",
    pickled="cifar-10-batches-py",
    get=GET_CIFAR10,
    moments=CIFAR10_MOMENTS,
)
CIFAR100 = Cifar(
    title="CIFAR-100",
    classes=(20, 100),
    train=("train",),
    test="test",
    limit=50_000,
    folder="cifar-100-binary",
    pickled="cifar-100-python",
    get=GET_CIFAR100,
    moments=CIFAR100_MOMENTS,
)


def check_known(
    kind: Cifar, folder: Path, images: Array, labels: Array, test_labels: Array
) -> None:
    """Raises InputError for noise, parts and swapped files. No digests of the single files are
    published, but numbers of images and moments of the pixels are.
    """
    classes = kind.classes[-1]
    check_classes(labels, classes, TRAINING // classes, folder)
    check_classes(test_labels, classes, TESTING // classes, folder)
    check_moments(images, kind.moments, folder)


def _records(path: Path, labels: int, limit: int) -> Array:
    """At most `limit` records of so many labels and 3×32×32 bytes: (records, labels + 3072)."""
    record = labels + 3 * 32 * 32
    content = unpacked(path, limit=limit * record)
    if not content or len(content) % record:
        raise InputError(
            f"the size of {path}, {len(content)}, is no multiple of {record} bytes: get it again"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, record)
