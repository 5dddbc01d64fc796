"""Pictures of a report as SVG: columns for weeks, bars for kinds. Nothing in them runs, nothing is loaded from elsewhere.

Each is drawn 720 pixels wide, the unit of every length here; the page fits it to its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

_WIDTH = 720
_TEXT, _LINES = "#14262e", "#c9d3d8"
_COLOURS = ("#00618a", "#c77700")
_LETTER = 7.5  # width of a letter of a label, generously
_BASELINE = 4
_PLOT_HEIGHT, _LABELS_HEIGHT = 250, 50
_ROW, _BAR = 34, 22


def columns(labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> bytes:
    """Columns that grow upwards, side by side under one label; above them what each colour stands for.

    Args:
        labels: under each group of columns; where they would overlap only some are written.
        series: name → one number for each label; at most two.
    """
    legend, left = 30, 50
    drawing = _drawing(legend + _PLOT_HEIGHT + _LABELS_HEIGHT)
    for number, name in enumerate(series):
        _box(drawing, left + 200 * number, 6, 14, 14, _COLOURS[number])
        _text(drawing, left + 200 * number + 20, 18, name)
    foot, top = legend + _PLOT_HEIGHT, _round_up(max((n for numbers in series.values() for n in numbers), default=0))
    for share in (0.0, 0.5, 1.0):
        y = foot - share * (_PLOT_HEIGHT - 10)
        SubElement(drawing, "line", {"x1": _n(left), "x2": _n(_WIDTH), "y1": _n(y), "y2": _n(y), "stroke": _LINES})
        _text(drawing, left - 8, y + _BASELINE, _n(top * share), anchor="end")
    step = (_WIDTH - left) / max(1, len(labels))
    thick = step * 0.8 / max(1, len(series))
    every = math.ceil(22 / step)
    for place, label in enumerate(labels):
        x = left + place * step + step * 0.1
        for number, numbers in enumerate(series.values()):
            height = numbers[place] / top * (_PLOT_HEIGHT - 10)
            _box(drawing, x + number * thick, foot - height, thick, height, _COLOURS[number])
        if place % every == 0:
            middle = x + step * 0.4
            _text(drawing, middle, foot + 16, label, anchor="end", transform=f"rotate(-40 {_n(middle)} {_n(foot + 16)})")
    return _written(drawing)


def bars(labels: Sequence[str], numbers: Sequence[int]) -> bytes:
    """A row for each label, from above: the label, a bar to the right of it, the number at its end."""
    left = max((len(label) for label in labels), default=0) * _LETTER + 10
    room = _WIDTH - left - 60
    drawing = _drawing(max(1, len(labels)) * _ROW)
    top = max(1, *numbers, 0)
    for row, (label, number) in enumerate(zip(labels, numbers, strict=True)):
        y = row * _ROW + (_ROW - _BAR) / 2
        length = number / top * room
        _text(drawing, left - 8, y + 16, label, anchor="end")
        _box(drawing, left, y, length, _BAR, _COLOURS[0])
        _text(drawing, left + length + 6, y + 16, str(number))
    return _written(drawing)


def _round_up(number: int) -> int:
    """The top of the scale: an even multiple of a power of ten, so that its half is a whole number too."""
    power = 10 ** max(0, math.ceil(math.log10(number)) - 1) if number > 0 else 1
    return next(power * each for each in (2, 4, 6, 8, 10) if power * each >= number)


def _drawing(height: float) -> Element:
    size = {"width": _n(_WIDTH), "height": _n(height), "viewBox": f"0 0 {_WIDTH} {_n(height)}"}
    return Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", "font-size": "13", **size})


def _box(drawing: Element, x: float, y: float, width: float, height: float, colour: str) -> None:
    place = {"x": x, "y": y, "width": width, "height": height}
    SubElement(drawing, "rect", {name: _n(value) for name, value in place.items()} | {"fill": colour})


def _text(drawing: Element, x: float, y: float, words: str, anchor: str = "start", **more: str) -> None:
    SubElement(drawing, "text", {"x": _n(x), "y": _n(y), "text-anchor": anchor, "fill": _TEXT, **more}).text = words


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _written(drawing: Element) -> bytes:
    return bytes(tostring(drawing, encoding="utf-8", xml_declaration=True))
