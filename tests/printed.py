"""An analysis and a watch made by hand, with every case that printing must show."""

from validate.analysis.analysis_document import (
    SCHEMA,
    Analysis,
    BlockAnalysis,
    BoundValue,
    CaptureRecord,
    ParameterRecord,
    Spread,
    Terms,
    Total,
)
from validate.watching.watch_document import SCHEMA as WATCH
from validate.watching.watch_document import AlertRow, BlockRow, ParameterRow, WatchDocument


def block(index: int, name: str, gain: float | None, lost_by: str | None = None) -> BlockAnalysis:
    bounds = (
        BoundValue("residual.triangle.lower", "lower", 0.25, "exact", "this backward signal", None),
        BoundValue("singular.max.upper", "upper", None, "probable", "every backward signal", 1e-6),
        BoundValue("residual.triangle.upper", "upper", 2.5, "exact", "this backward signal", None),
    )
    return BlockAnalysis(
        index=index,
        name=name,
        kind="residual",
        tags=("norm",),
        term="F_1(x) + x",
        where={"F_1": "a_b..c"},
        pullback_latex=r"\frac{\partial L}{\partial x} = J_{\text{a\_b..c}}^{\top} g + g",
        gain=None if gain is None else Spread(gain / 2, gain, gain * 2),
        terms=Terms(0.5, -0.25) if gain is not None else Terms(None, None),
        lost_by=lost_by,
        advice="scale it" if gain else None,
        bounds=bounds if gain is not None else (),
        spectrum=None,
        structure="Add(Layer(name='F_1'), Identity())",
    )


def analysis(target: str = "net_<1>") -> Analysis:
    blocks = (
        block(0, "far", None, "no signal reaches it: dying lets nothing through"),
        block(1, "dying", 0.0, "mask: dead units"),
        block(2, "weak", 0.125, "gate: shut"),
        block(3, "fine", 1.5),
    )
    return Analysis(
        schema=SCHEMA,
        target=target,
        device="cpu",
        dtype="float64",
        input_shape=((2, 3, 8, 8),),
        signal="standard normal cotangent, seed 0",
        capture=CaptureRecord("recording", 12, 0.5, ("a <remark>",)),
        blocks=blocks,
        parameters=(ParameterRecord("w", 2.0, None), ParameterRecord("v", 1.0, 0.5)),
        total=Total(0.0, 0.0, 1e-16),
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
        schema=WATCH,
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
