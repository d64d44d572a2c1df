"""Axes and marks for SVG drawings that fit every screen.

Horizontal places are percentages of the drawing and vertical ones are pixels. A plot is as wide as its
column while its letters keep their size, on a phone as on a desk.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from headstart.artifacts.report import markup as h


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values in [low, high] to places on a drawing.

    Attributes:
        low: The value at the start.
        high: The value at the end; above ``low``.
        logarithmic: Whether equal ratios are equal distances.
    """

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def around(cls, values: Sequence[float | None], *, margin: float = 0.06) -> Axis:
        """The axis that holds all ``values`` that are known, and a margin on either side."""
        known = [value for value in values if value is not None]
        room = margin * (max(known) - min(known)) or 0.05
        return cls(min(known) - room, max(known) + room)

    @classmethod
    def of_shares(cls, values: Sequence[float | None]) -> Axis:
        """The axis around shares of one, which end at 0 and at 1."""
        around = cls.around(values)
        return cls(max(0.0, around.low), min(1.0, around.high))

    def share(self, value: float) -> float:
        """The place of ``value`` as a share of the axis, in [0, 1]."""
        scale = math.log if self.logarithmic else float
        place = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return min(1.0, max(0.0, place))

    def place(self, value: float) -> str:
        """The place of ``value`` as an SVG percentage.

        >>> Axis(0, 50).place(20), Axis(1, 100, logarithmic=True).place(10)
        ('40%', '50%')
        """
        return f"{h.short(100 * self.share(value))}%"

    def height(self, value: float, *, top: float, bottom: float) -> float:
        """The place of ``value`` in pixels on an upright axis whose low end is at ``bottom``.

        >>> Axis(0, 50).height(20, top=10, bottom=110)
        70.0
        """
        return bottom - (bottom - top) * self.share(value)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values on a linear axis, about ``most``, whose step is 1, 2 or 5 times a power of ten.

        >>> Axis(0.62, 1.0).ticks()
        [0.7, 0.8, 0.9, 1.0]
        """
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


def drawing(title: str, *marks: Markup, height: float, kind: str) -> Markup:
    """A drawing as wide as its column, with a title that screen readers speak."""
    return h.svg(h.title(title), *marks, class_=f"plot {kind}", role="img", width="100%", height=height)


def dot(x: str | float, y: float, *, radius: float, kind: str, title: str = "") -> Markup:
    """A disc of the CSS class ``kind``, with a tooltip."""
    return h.circle(h.title(title) if title else None, cx=x, cy=y, r=radius, class_=kind)


def segment(start: tuple[str | float, float], end: tuple[str | float, float], *, kind: str) -> Markup:
    """A straight line of the CSS class ``kind`` from one place to another."""
    return h.line(x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def label(
    words: str,
    x: str | float,
    y: float,
    *,
    anchor: Literal["start", "middle", "end"] = "middle",
    kind: str = "tick",
) -> Markup:
    """A piece of text at a place."""
    return h.text(words, x=x, y=y, text_anchor=anchor, class_=kind)


def scale(axis: Axis, *, top: float, bottom: float, write: Callable[[float], str]) -> list[Markup]:
    """Upright grid lines of a horizontal axis, and their labels below."""
    marks: list[Markup] = []
    for tick in axis.ticks():
        place = axis.place(tick)
        marks += [segment((place, top), (place, bottom), kind="grid"), label(write(tick), place, bottom + 18)]
    return marks


def levels(axis: Axis, *, top: float, bottom: float, write: Callable[[float], str], most: int = 5) -> list[Markup]:
    """Level grid lines of an upright axis, and their labels to the left of the drawing."""
    marks: list[Markup] = []
    for tick in axis.ticks(most):
        y = axis.height(tick, top=top, bottom=bottom)
        marks += [segment(("0%", y), ("100%", y), kind="grid"), label(write(tick), -8, y + 4, anchor="end")]
    return marks
