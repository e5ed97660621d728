"""A trained model as one HTML page: drawings in SVG, no script, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mpi.matching.calibration import OperatingPoint
from mpi.matching.match_model import MatchModel
from mpi.matching.training import TrainedModel

_BAR_HEIGHT, _BAR_AREA, _LABEL_WIDTH = 18, 360, 220
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN = 520, 240, 50
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
svg{max-width:100%;height:auto} text{font-size:12px;fill:#1b1f24} .axis{stroke:#57606a} .grid{stroke:#d0d7de}
.for{fill:#1f6f50} .against{fill:#a8431f} .line{fill:none;stroke:#1f4e8c;stroke-width:2}
.mark{stroke:#a8431f;stroke-dasharray:4 3} table{border-collapse:collapse} td,th{padding:.2rem .8rem;text-align:right}
th:first-child,td:first-child{text-align:left}
"""


def render_chart(trained: TrainedModel) -> str:
    """The page: weights per level, estimated precision and recall, review load by threshold."""
    model = trained.model
    parts = [
        f"<h1>Match model {escape(model.version)}</h1><p>{escape(model.provenance)}</p>",
        f"<p>A pair links from <b>{model.upper:g}</b> bits, staff are asked from <b>{model.lower:g}</b> bits.</p>",
        "<h2>Match weight of every level, in bits</h2>",
        _weights(model),
        "<h2>Estimated precision and recall</h2>",
        _curve(
            [(p.recall, p.precision) for p in trained.points if p.links],
            title="Precision (up) by recall among candidate pairs (right), one point a threshold",
            y_from=_floor(min((p.precision for p in trained.points if p.links), default=0.0)),
        ),
        "<h2>Questions for staff by threshold</h2>",
        _curve(
            [(p.threshold, p.review_load) for p in trained.points],
            title="Questions per record (up) by the threshold from which a pair links, in bits (right)",
            mark=model.upper,
        ),
        _table(trained.points[::4]),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Match model {escape(model.version)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _weights(model: MatchModel) -> str:
    """One bar a level, to the right of the middle for evidence of one person, to the left for evidence of two."""
    lines = [
        (f"{comparison}: {level}", weight.match_weight)
        for comparison, levels in model.weights.items()
        for level, weight in levels.items()
    ]
    widest = max((abs(weight) for _, weight in lines), default=0.0) or 1.0
    middle, scale = _LABEL_WIDTH + _BAR_AREA / 2, (_BAR_AREA / 2 - 40) / widest
    drawn = []
    for row, (label, weight) in enumerate(lines):
        y, length = row * _BAR_HEIGHT, abs(weight) * scale
        side, x = ("for", middle) if weight >= 0 else ("against", middle - length)
        at, anchor = (middle + length + 4, "start") if weight >= 0 else (middle - length - 4, "end")
        drawn.append(
            f'<text x="{_LABEL_WIDTH - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
            f'<rect class="{side}" x="{x:.1f}" y="{y + 3}" width="{length:.1f}" height="{_BAR_HEIGHT - 6}"/>'
            f'<text x="{at:.1f}" y="{y + 13}" text-anchor="{anchor}">{weight:+.1f}</text>'
        )
    height = len(lines) * _BAR_HEIGHT
    axis = f'<line class="axis" x1="{middle}" y1="0" x2="{middle}" y2="{height}"/>'
    return _svg(_LABEL_WIDTH + _BAR_AREA, height, "Match weight of every comparison level", axis + "".join(drawn))


def _curve(points: Sequence[tuple[float, float]], *, title: str, y_from: float = 0.0, mark: float | None = None) -> str:
    """Points joined in their order. ``mark`` draws an upright line at that place on the right-hand axis."""
    if not points:
        return "<p>No pair scores high enough to draw this.</p>"
    x_from, x_to = min(x for x, _ in points), max(x for x, _ in points)
    y_to = max([y_from + 1e-9, *(y for _, y in points)])
    right = (_PLOT_WIDTH - 2 * _MARGIN) / ((x_to - x_from) or 1.0)
    up = (_PLOT_HEIGHT - 2 * _MARGIN) / (y_to - y_from)

    def place(x: float, y: float) -> str:
        return f"{_MARGIN + (x - x_from) * right:.1f},{_PLOT_HEIGHT - _MARGIN - (y - y_from) * up:.1f}"

    bottom, top = _PLOT_HEIGHT - _MARGIN, _MARGIN
    drawn = [
        f'<line class="axis" x1="{_MARGIN}" y1="{bottom}" x2="{_PLOT_WIDTH - _MARGIN}" y2="{bottom}"/>',
        f'<line class="axis" x1="{_MARGIN}" y1="{top}" x2="{_MARGIN}" y2="{bottom}"/>',
        f'<polyline class="line" points="{" ".join(place(x, y) for x, y in points)}"/>',
        f'<text x="{_MARGIN}" y="{bottom + 18}">{x_from:.3g}</text>',
        f'<text x="{_PLOT_WIDTH - _MARGIN}" y="{bottom + 18}" text-anchor="end">{x_to:.3g}</text>',
        f'<text x="{_MARGIN - 6}" y="{bottom}" text-anchor="end">{y_from:.4g}</text>',
        f'<text x="{_MARGIN - 6}" y="{top + 10}" text-anchor="end">{y_to:.4g}</text>',
        f'<text x="{_MARGIN}" y="{top - 16}">{escape(title)}</text>',
    ]
    if mark is not None and x_from <= mark <= x_to:
        x = place(mark, y_from).split(",")[0]
        drawn.append(f'<line class="mark" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>')
    return _svg(_PLOT_WIDTH, _PLOT_HEIGHT, title, "".join(drawn))


def _floor(share: float) -> float:
    """Where the axis of precision begins, so that what differs can be seen."""
    return max(0.0, share - 0.01 if share > 0.9 else share - 0.1)


def _svg(width: float, height: float, title: str, drawn: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>{escape(title)}</title>{drawn}</svg>"
    )


def _table(points: Sequence[OperatingPoint]) -> str:
    heads = ("links from (bits)", "links", "precision", "recall", "questions per record")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(
        f"<tr><td>{p.threshold:g}</td><td>{p.links}</td><td>{p.precision:.4f}</td><td>{p.recall:.4f}</td>"
        f"<td>{p.review_load:.4f}</td></tr>"
        for p in points
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
