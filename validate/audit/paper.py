"""Holds the numbers that the paper prints and that others published, as transcribed, with sources.

Data only. The rows are copied as they stand in the transcription of Noh 2021, Informatics 8(3):53
(CC BY 4.0), and parsed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from derivations.theorems.equation4 import LINES, Line

TABLE_1 = """
18 layers	27.94%	27.88%
34 layers	28.54%	25.03%
"""
"""Top-1 error (%, 10-crop testing), ImageNet validation: layers, plain network, ResNet. From He et
al. 2016, Table 2."""

TABLE_2 = """
ResNet-50	24.80	7.48	3.86	23.29	6.62	3.87
ResNet-101	23.17	6.52	7.58	22.38	6.07	7.60
ResNet-152	22.42	6.34	11.30	21.57	5.73	11.32
"""
"""Single-crop error (%): ResNet top-1, top-5, GFLOPs, then the same of SE-ResNet. From Hu et al.
2018, Table 2."""

TABLE_A1 = """
VGG-19	38.9 M
ResNet-50	23.6 M
SE-ResNet-50	21.4 M
DenseNet-121	7 M
"""
"""Number of parameters, 10 classes (CIFAR-10)."""

SMALL = """
residual-20	16	0.27 M
residual-32	16	0.46 M
residual-44	16	0.66 M
residual-56	16	0.85 M
residual-110	16	1.7 M
dense-40	12	1.0 M
dense-100	12	7.0 M
dense-100	24	27.2 M
"""
"""Number of parameters, 10 classes (CIFAR-10), of the published networks that those trained here
are variants of: name and width here. ResNets: He et al. 2016, Table 6; DenseNets without
bottleneck: Huang et al. 2017, Table 2."""

VGG_ROWS = ((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))
"""Table A1's convolutions of VGG-19 as transcribed: (convolutions, maps) between poolings. Three
rows of the last stage are not there."""

GAIN_TABLE_1 = "3.5"
"""Section 5: ResNet-34 reduces the top-1 error by 3.5 % compared to a plain network with as many
layers and parameters."""

GAIN_TABLE_2 = "1.51"
"""Section 5: SE-ResNet-50 reduces the top-1 error by 1.51 % compared to ResNet-50."""

DEVIATION = "1"
"""Section 4: the differences are significant, as the standard deviation of accuracies is less than
1 % (and that of responses below 1)."""


IMAGES = 50_000
"""Images of ImageNet's validation set, over which the errors of Tables 1 and 2 were counted
(Russakovsky et al. 2015, Table 2)."""


@dataclass(frozen=True)
class PlainRow:
    """A row of Table 1."""

    layers: int
    plain: Decimal
    resnet: Decimal


@dataclass(frozen=True)
class GatedRow:
    """A row of Table 2."""

    layers: int
    top1: Decimal
    top5: Decimal
    gflops: Decimal
    se_top1: Decimal
    se_top5: Decimal
    se_gflops: Decimal


@dataclass(frozen=True)
class SmallRow:
    """The millions of parameters of a published network: its name and its width (maps of the first
    stage, or growth k) here.
    """

    network: str
    width: int
    millions: Decimal


@dataclass(frozen=True)
class Published:
    """Single-crop top-1 errors (%) on ImageNet validation (224 × 224) of networks trained by one
    recipe. `source` says exactly where.
    """

    name: str
    source: str
    errors: Mapping[str, Decimal]


def _errors(text: str) -> dict[str, Decimal]:
    return {name: Decimal(error) for name, error in (entry.split() for entry in text.split(","))}


ERRORS = (
    Published(
        "Huang et al. 2017 and fb.resnet.torch",
        "DenseNets: Huang et al. 2017 (arXiv:1608.06993), Table 3; ResNets: "
        "github.com/facebookarchive/fb.resnet.torch, "
        "pretrained/README.md, 1-crop, the implementation that Huang et al. compare with in their "
        "Figure 3 (Figure 7 here)",
        _errors(
            "resnet18 30.43, resnet34 26.73, resnet50 24.01, resnet101 22.44, resnet152 22.16, "
            "densenet121 25.02, densenet169 23.80, densenet201 22.58, densenet264 22.15"
        ),
    ),
    Published(
        "torchvision",
        "torchvision 0.1.12–0.10, documentation of torchvision.models, table 'ImageNet 1-crop "
        "error rates (224x224)'",
        _errors(
            "resnet18 30.24, resnet34 26.70, resnet50 23.85, resnet101 22.63, resnet152 21.69, "
            "densenet121 25.35, densenet169 24.00, densenet201 22.80"
        ),
    ),
)


@dataclass(frozen=True)
class Paper:
    """Everything that the audit takes from print."""

    table1: tuple[PlainRow, ...]
    table2: tuple[GatedRow, ...]
    table_a1: Mapping[str, Decimal]
    small: tuple[SmallRow, ...]
    vgg_rows: tuple[tuple[int, int], ...] = VGG_ROWS
    gain1: Decimal = Decimal(GAIN_TABLE_1)
    gain2: Decimal = Decimal(GAIN_TABLE_2)
    deviation: Decimal = Decimal(DEVIATION)
    images: int = IMAGES
    equation4: tuple[Line, ...] = LINES
    errors: tuple[Published, ...] = ERRORS


def _rows(table: str) -> list[list[str]]:
    return [line.split("\t") for line in table.strip().splitlines()]


def paper() -> Paper:
    """The tables, parsed."""
    return Paper(
        table1=tuple(
            PlainRow(int(name.split()[0]), *(Decimal(cell.rstrip("%")) for cell in cells))
            for name, *cells in _rows(TABLE_1)
        ),
        table2=tuple(
            GatedRow(int(name.split("-")[1]), *map(Decimal, cells))
            for name, *cells in _rows(TABLE_2)
        ),
        table_a1={
            _network(name): Decimal(millions.split()[0]) for name, millions in _rows(TABLE_A1)
        },
        small=tuple(
            SmallRow(name, int(width), Decimal(millions.split()[0]))
            for name, width, millions in _rows(SMALL)
        ),
    )


def _network(printed: str) -> str:
    """The name that `validate.networks.build.build` takes, from the printed one."""
    return printed.lower().replace("se-", "se_").replace("-", "")


def printed(network: str) -> str:
    """The printed name of a network in `validate.networks.build.NETWORKS`: SE-ResNet-50 for
    se_resnet50.
    """
    family, depth = network.rstrip("0123456789"), network.lstrip("abcdefghijklmnopqrstuvwxyz_")
    return f"{_FAMILIES[family]}-{depth}"


_FAMILIES: Mapping[str, str] = {
    "vgg": "VGG",
    "resnet": "ResNet",
    "se_resnet": "SE-ResNet",
    "densenet": "DenseNet",
}
