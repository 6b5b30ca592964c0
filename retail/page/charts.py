"""The page's charts, drawn by Vega-Lite when the page is made: SVG in the page's own colours, without a script."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import vl_convert

_WIDTH = 560
_HEIGHT = 180
_AXIS = {
    "labelColor": "var(--muted)",
    "labelFont": "sans-serif",
    "labelFontSize": 14,
    "domainColor": "var(--line)",
    "gridColor": "var(--line)",
    "tickColor": "var(--line)",
}


def bars(points: list[tuple[date, Decimal | int]], label: str, date_format: str) -> str:
    """Draw one bar per period.

    Args:
        points: The first day of each period and its value, in order of time.
        label: What the values are, for those who do not see the chart.
        date_format: How a period is named, as strftime takes it.

    Returns:
        An SVG element whose colours are the page's CSS variables.
    """
    values = [
        {"place": n, "period": day.strftime(date_format), "value": float(value)}
        for n, (day, value) in enumerate(points)
    ]
    horizontal = {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 24}
    specification = {
        "data": {"values": values},
        "width": _WIDTH,
        "height": _HEIGHT,
        "background": "transparent",
        "mark": {"type": "bar", "color": "var(--accent)"},
        "encoding": {
            "x": {"field": "period", "type": "ordinal", "sort": {"field": "place"}, "title": None, "axis": horizontal},
            "y": {"field": "value", "type": "quantitative", "title": None, "axis": {"tickCount": 4, "format": "~s"}},
        },
        "config": {"axis": _AXIS, "view": {"stroke": None}},
    }
    svg: str = vl_convert.vegalite_to_svg(specification)
    # one picture with one name, instead of a tree of unnamed marks
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
