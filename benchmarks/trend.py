"""Whether a series of figures grows, and a plot of several series as SVG."""

from dataclasses import dataclass
from html import escape
from statistics import median

__all__ = ["Series", "plot", "slope"]

_WIDTH, _PANEL, _LEFT, _GAP = 760, 120, 70, 34
_COLOURS = ("#1b6ac9", "#c2410c", "#15803d", "#7e22ce")


@dataclass(frozen=True)
class Series:
    """Figures over time.

    Attributes:
        label: What they are figures of.
        times: Seconds since the start.
        values: One for each time.
    """

    label: str
    times: tuple[float, ...]
    values: tuple[float, ...]

    def after(self, seconds: float) -> "Series":
        """Return what comes after so many seconds."""
        kept = [pair for pair in zip(self.times, self.values, strict=True) if pair[0] >= seconds]
        return Series(self.label, tuple(t for t, _ in kept), tuple(v for _, v in kept))

    def growth(self) -> float:
        """Return by how much it has grown from its first to its last time, outliers ignored."""
        if len(self.times) < 2:
            return 0.0
        return slope(self) * (self.times[-1] - self.times[0])


def slope(series: Series) -> float:
    """Return the Theil-Sen slope: the median of the slopes between all pairs of points."""
    points = list(zip(series.times, series.values, strict=True))
    slopes = [
        (later - value) / (end - start)
        for i, (start, value) in enumerate(points)
        for end, later in points[i + 1 :]
        if end > start
    ]
    return median(slopes) if slopes else 0.0


def plot(title: str, panels: dict[str, list[Series]]) -> str:
    """Draw panels below each other, each with its own scale, and return the SVG.

    Args:
        title: Stands above.
        panels: Series by the name of their panel; each panel has the same labels.
    """
    height = 66 + len(panels) * (_PANEL + _GAP)
    every = [series for drawn in panels.values() for series in drawn]
    end = max((time for series in every for time in series.times), default=1.0) or 1.0
    labels = list(dict.fromkeys(series.label for series in every))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    for number, label in enumerate(labels):
        x, colour = _LEFT + number * 165, _COLOURS[number % len(_COLOURS)]
        parts.append(f'<text x="{x}" y="38" fill="{colour}">{escape(label)}</text>')
    for number, (name, drawn) in enumerate(panels.items()):
        parts += _panel(name, drawn, labels, top=66 + number * (_PANEL + _GAP), end=end)
    return "\n".join([*parts, "</svg>", ""])


def _panel(name: str, drawn: list[Series], labels: list[str], *, top: int, end: float) -> list[str]:
    """Draw one panel from zero to its greatest value."""
    width, bottom = _WIDTH - _LEFT - 20, top + _PANEL
    most = max((value for series in drawn for value in series.values), default=1.0) or 1.0
    parts = [
        f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{_PANEL}" '
        'fill="none" stroke="#bbb"/>',
        f'<text x="{_LEFT}" y="{top - 5}" fill="#555">{escape(name)}</text>',
        f'<text x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,.0f}</text>',
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">0</text>',
        f'<text x="{_LEFT + width}" y="{bottom + 14}" text-anchor="end">{end:,.0f} s</text>',
    ]
    for series in drawn:
        colour = _COLOURS[labels.index(series.label) % len(_COLOURS)]
        points = " ".join(
            f"{_LEFT + time / end * width:.1f},{bottom - value / most * (_PANEL - 4):.1f}"
            for time, value in zip(series.times, series.values, strict=True)
        )
        parts.append(f'<polyline fill="none" stroke="{colour}" points="{points}"/>')
    return parts
