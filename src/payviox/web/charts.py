"""Charts as SVG that the server draws: no script, no style of their own. What one shows stands in a
table beside it; the picture says as much in its name."""

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 320, 96
GAP = 0.25
"""Of a bar's room, what is left free between bars."""


def bars(values: Sequence[int], name: str) -> Markup:
    """A bar for each value; those below nothing hang down from the line."""
    top, bottom = max([0, *values]), min([0, *values])
    scale = HEIGHT / ((top - bottom) or 1)
    room = WIDTH / max(len(values), 1)
    line = top * scale
    drawn = [
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1"/>').format(
            number * room + room * GAP / 2,
            line - max(value, 0) * scale,
            room * (1 - GAP),
            max(abs(value) * scale, 1.0),
        )
        for number, value in enumerate(values)
        if value
    ]
    return _picture("bars", Markup("").join(drawn), line, name)


def area(values: Sequence[int], name: str) -> Markup:
    """A line through the values, filled down to nothing."""
    top, bottom = max([0, *values]), min([0, *values])
    scale = (HEIGHT - 2) / ((top - bottom) or 1)
    step = WIDTH / max(len(values) - 1, 1)
    line = 1 + top * scale
    points = " ".join(
        f"{number * step:.1f},{line - value * scale:.1f}" for number, value in enumerate(values)
    )
    drawn = Markup('<polygon points="0,{0:.1f} {1} {2},{0:.1f}"/><polyline points="{1}"/>').format(
        line, points, WIDTH
    )
    return _picture("area", drawn, line, name)


def _picture(kind: str, drawn: Markup, line: float, name: str) -> Markup:
    return Markup(
        '<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}"'
        ' preserveAspectRatio="none">{}<line x1="0" x2="{}" y1="{:.1f}" y2="{:.1f}"/></svg>'
    ).format(kind, WIDTH, HEIGHT, name, drawn, WIDTH, line, line)
