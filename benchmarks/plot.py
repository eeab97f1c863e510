"""Draw the starts as horizontal bars in SVG.

Own code: a library such as pygal brings three packages more, and cannot write a bar's sum beside it.
"""

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

_WIDTH, _LEFT, _RIGHT, _TOP = 960, 300, 70, 70
_ROW, _BAR = 26, 18
_COLORS = ("#4c78a8", "#f58518")
#: The ends of the scale that are tried, in milliseconds.
_STEPS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class Bar(NamedTuple):
    """Hold one row: its name, and the milliseconds of its parts."""

    name: str
    parts: Sequence[float]


def drawn(title: str, subtitle: str, parts: Sequence[str], bars: Sequence[Bar]) -> str:
    """Return a picture with a row for each bar. `parts` names what the parts of all bars are."""
    height = _TOP + _ROW * len(bars) + 30
    size = {"viewBox": f"0 0 {_WIDTH} {height}", "width": str(_WIDTH), "height": str(height)}
    root = ET.Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "font-family": "sans-serif", **size}
    )
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "#fff"})
    _text(root, 12, 24, title, size=16)
    _text(root, 12, 44, subtitle, size=11, fill="#555")
    for number, (name, color) in enumerate(zip(parts, _COLORS, strict=True)):
        _rectangle(root, color, x=_LEFT + 170 * number, y=_TOP - 16, width=10, height=10)
        _text(root, _LEFT + 170 * number + 15, _TOP - 7, name, size=11)
    longest = max(sum(bar.parts) for bar in bars)
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    step = next((step for step in _STEPS if longest / step <= 10), _STEPS[-1])
    for tick in range(0, int(longest) + 1, step):
        x, ends = _LEFT + tick * scale, height - 24
        ET.SubElement(root, "path", {"d": f"M{x:.1f} {_TOP}V{ends}", "stroke": "#ddd"})
        _text(root, x, ends + 14, str(tick), size=10, anchor="middle", fill="#555")
    for number, bar in enumerate(bars):
        _row(root, _TOP + _ROW * number, bar, scale)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _row(root: ET.Element, top: float, bar: Bar, scale: float) -> None:
    _text(root, _LEFT - 8, top + 17, bar.name, size=12, anchor="end")
    x = float(_LEFT)
    for part, color in zip(bar.parts, _COLORS, strict=True):
        _rectangle(root, color, x=x, y=top + 4, width=part * scale, height=_BAR)
        x += part * scale
    _text(root, x + 6, top + 17, f"{sum(bar.parts):.0f}", size=12)


def _rectangle(root: ET.Element, fill: str, **place: float) -> None:
    ET.SubElement(root, "rect", {"fill": fill, **{name: f"{value:.1f}" for name, value in place.items()}})


def _text(
    root: ET.Element, x: float, y: float, text: str, *, size: int, anchor: str = "start", fill: str = "#222"
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": str(size), "text-anchor": anchor, "fill": fill}
    ET.SubElement(root, "text", place).text = text
