"""HTML and SVG as Python calls: text and attributes are escaped, always, and only markup itself is not.

>>> p("2 < 3 ", strong("& more"), class_="small")
Markup('<p class="small">2 &lt; 3 <strong>&amp; more</strong></p>')
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup, escape

Child: TypeAlias = "Markup | str | Iterable[Child] | None"
Value: TypeAlias = str | float | int | None


@dataclass(frozen=True, slots=True)
class Tag:
    """An element's name; calling it with children and attributes makes the element.

    Children that are ``None`` are left out and iterables are laid flat. An attribute that is ``None`` is left
    out too; ``class_`` becomes ``class`` and ``text_anchor`` becomes ``text-anchor``.

    Attributes:
        name: As in HTML or SVG.
        void: Whether the element has neither children nor an end tag.
    """

    name: str
    void: bool = False

    def __call__(self, *children: Child, **attributes: Value) -> Markup:
        """The element."""
        written = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(short(value))}"'
            for name, value in attributes.items()
            if value is not None
        )
        start = f"<{self.name}{written}>"
        return Markup(start if self.void else f"{start}{joined(children)}</{self.name}>")


def joined(children: Child) -> Markup:
    """Children one after another, text escaped."""
    if children is None:
        return Markup("")
    if isinstance(children, str):
        return escape(children)
    return Markup("".join(map(joined, children)))


def short(value: Value) -> str:
    """A number with at most two decimals; text as it is."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


audio, blockquote, body, dd = map(Tag, ("audio", "blockquote", "body", "dd"))
details, dfn, div, dl, dt = map(Tag, ("details", "dfn", "div", "dl", "dt"))
em, figcaption, figure, footer, header, main = map(Tag, ("em", "figcaption", "figure", "footer", "header", "main"))
h1, h2, h3, li, mark, p, pre, section, span, strong = map(
    Tag, ("h1", "h2", "h3", "li", "mark", "p", "pre", "section", "span", "strong")
)
summary, table, tbody, td, th, thead, tr, ul = map(Tag, ("summary", "table", "tbody", "td", "th", "thead", "tr", "ul"))
img = Tag("img", void=True)
circle, g, line, rect, svg, text, title = map(Tag, ("circle", "g", "line", "rect", "svg", "text", "title"))
