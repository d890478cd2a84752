"""A document as a watch saves it, made by hand: a block that dies, one that is fine."""

from validate.watching.watch_document import (
    SCHEMA,
    AlertRow,
    BlockRow,
    ParameterRow,
    WatchDocument,
)

GAINS = {
    "stem": (None, None, None, None),
    "weak": (0.5, 0.1, 0.0, 0.0),
    "fine": (1.0, 2.0, 1.5, 1.0),
}


def watched(
    target: str = "Net", gains: dict[str, tuple[float | None, ...]] = GAINS
) -> WatchDocument:
    return WatchDocument(
        schema=SCHEMA,
        target=target,
        every=2,
        blocks=tuple(
            BlockRow(2 * index, name, "residual", values[index], 1.0, 0.25, None)
            for index in range(4)
            for name, values in gains.items()
        ),
        parameters=(
            ParameterRow(0, "w", 1.0, 0.5),
            ParameterRow(0, "(all)", 3.0, 0.5),
            ParameterRow(4, "(all)", 2.0, None),
        ),
        alerts=(
            AlertRow(4, "weak", "vanished", 0.0, "a gate"),
            AlertRow(6, "weak", "non_finite", None, "c"),
        ),
        remarks=(),
    )
