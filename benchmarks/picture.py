"""The benchmark's picture: seconds against sales lines, both axes logarithmic, one line per side."""

from __future__ import annotations

from pathlib import Path
from statistics import geometric_mean

# colours that differ for colour-blind readers and in grey; markers and dashes repeat the distinction
_STYLES = {
    "ours": {"color": "#0072b2", "marker": "o", "linestyle": "-", "label": "this project (load and build)"},
    "floor": {"color": "#333333", "marker": "s", "linestyle": "--", "label": "one hand-written SQL script"},
    "pandas": {"color": "#e69f00", "marker": "^", "linestyle": "-.", "label": "pandas and SQLAlchemy"},
    "pandas with COPY": {"color": "#cc79a7", "marker": "v", "linestyle": ":", "label": "pandas, rows written by COPY"},
}

# on the logarithmic axes
_LABEL_HEIGHT = 1.27
_LABEL_DISTANCE = 1.14


def draw(path: Path, series: dict[str, dict[int, float]], title: str) -> None:
    """Write the picture.

    Args:
        path: Target file; the suffix gives the format.
        series: Seconds by side and number of sales lines.
        title: Its title, including the machine.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.4), layout="constrained")
    axes = figure.subplots()
    for side, points in series.items():
        if not points:
            continue
        lines, seconds = zip(*sorted(points.items()), strict=True)
        axes.plot(lines, seconds, linewidth=2.2, markersize=8, **_STYLES[side])
    for side, (last, taken, height) in _ends(series).items():
        axes.annotate(
            f"{taken:.0f} s" if taken >= 10 else f"{taken:.1f} s",
            (last, taken),
            xytext=(last * _LABEL_DISTANCE, height),
            va="center",
            color=_STYLES[side]["color"],
            fontsize=12,
            arrowprops={"arrowstyle": "-", "color": _STYLES[side]["color"], "shrinkA": 1, "shrinkB": 5},
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = sorted({lines for points in series.values() for lines in points})
    axes.set_xticks(ticks, [_short(lines) for lines in ticks])
    axes.set_xticks([], minor=True)
    for set_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        set_formatter(lambda seconds, _: f"{seconds:g}" if f"{seconds:e}"[0] in "125" else "")
    axes.set_xlabel("sales lines", fontsize=13)
    axes.set_ylabel("seconds", fontsize=13)
    axes.set_title(title, fontsize=13)
    axes.tick_params(which="both", labelsize=12)
    axes.grid(visible=True, which="both", color="#dddddd", linewidth=0.7)
    axes.margins(x=0.12)
    axes.legend(fontsize=12, frameon=False, loc="upper left", handlelength=3.5)
    figure.savefig(path, dpi=200)


def _ends(series: dict[str, dict[int, float]]) -> dict[str, tuple[int, float, float]]:
    """Return each side's last point and the height of its label; labels that overlap spread around their middle."""
    ends = sorted((points[max(points)], max(points), side) for side, points in series.items() if points)
    groups: list[list[float]] = []
    for seconds, _, _ in ends:
        groups.append([seconds])
        while len(groups) > 1 and _heights(groups[-1])[0] < _heights(groups[-2])[-1] * _LABEL_HEIGHT:
            groups[-2:] = [groups[-2] + groups[-1]]
    heights = [height for group in groups for height in _heights(group)]
    return {side: (lines, seconds, height) for (seconds, lines, side), height in zip(ends, heights, strict=True)}


def _heights(group: list[float]) -> list[float]:
    """Return heights one label apart around the middle of the group."""
    lowest = geometric_mean(group) / _LABEL_HEIGHT ** ((len(group) - 1) / 2)
    return [lowest * _LABEL_HEIGHT**place for place in range(len(group))]


def _short(lines: int) -> str:
    return f"{lines / 1_000_000:g} M" if lines >= 1_000_000 else f"{lines / 1_000:g} k"
