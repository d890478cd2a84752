"""The printed numbers: parsed whole, and named as the networks are."""

from decimal import Decimal

from validate.audit.paper import Paper, paper, printed


def test_tables_are_parsed_whole():
    found: Paper = paper()
    assert [(row.layers, row.plain, row.resnet) for row in found.table1] == [
        (18, Decimal("27.94"), Decimal("27.88")),
        (34, Decimal("28.54"), Decimal("25.03")),
    ]
    assert [row.layers for row in found.table2] == [50, 101, 152]
    assert sum(value for row in found.table2 for value in (row.top1, row.se_top1)) == Decimal(
        "137.63"
    )
    assert sum(value for row in found.table2 for value in (row.gflops, row.se_gflops)) == Decimal(
        "45.53"
    )
    assert dict(found.table_a1) == {
        "vgg19": Decimal("38.9"),
        "resnet50": Decimal("23.6"),
        "se_resnet50": Decimal("21.4"),
        "densenet121": Decimal(7),
    }
    assert sum(row.millions for row in found.small) == Decimal("39.14")
    assert {(row.network, row.width) for row in found.small if row.network.startswith("dense")} == {
        ("dense-40", 12), ("dense-100", 12), ("dense-100", 24)
    }  # fmt: skip


def test_networks_have_their_printed_names():
    assert [printed(name) for name in paper().table_a1] == [
        "VGG-19",
        "ResNet-50",
        "SE-ResNet-50",
        "DenseNet-121",
    ]
