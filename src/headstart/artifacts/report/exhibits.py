"""Examples as a person meets them: a picture to look at, a text to read, a sound to listen to."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report.record import ExhibitRecord
from headstart.artifacts.report.wording import counted
from headstart.data.texts import SEPARATOR

#: A piece of text, and how much it spoke for the predicted class.
Mark = tuple[str, float]

#: Longer texts are folded, and this much of their beginning stands above the fold.
LONGEST_OPEN = 420
_BEGINNING = 280
#: Weaker pieces are plain text: where everything is marked, nothing is.
_FAINTEST = 0.1


def exhibit(shown: ExhibitRecord, *, name: str, predicted: str = "") -> list[Markup | None]:
    """Whatever there is of an example, one below the other.

    Args:
        shown: The example.
        name: What a screen reader calls its picture and its sound.
        predicted: The class that the marks of a text are about.
    """
    return [
        h.img(src=shown.picture, alt=name) if shown.picture else None,
        h.audio(src=shown.sound, controls="controls", preload="metadata", aria_label=name) if shown.sound else None,
        quotation(shown.marks or ((shown.text, 0.0),), predicted=predicted) if shown.text or shown.marks else None,
    ]


def layout(shown: Sequence[ExhibitRecord]) -> str:
    """The CSS class for a list of examples: texts and players need more room than pictures."""
    if any(entry.text or entry.marks for entry in shown):
        return "reading"
    return "listening" if any(entry.sound for entry in shown) else "looking"


def quotation(marks: Sequence[Mark], *, predicted: str = "") -> Markup:
    """A text, its strong pieces marked; a long one folded, with its beginning to be seen.

    Args:
        marks: The text in pieces.
        predicted: The class that the weights are about.
    """
    length = sum(len(piece) for piece, _ in marks)
    whole = _paragraphs(marks, predicted)
    if length <= LONGEST_OPEN:
        return h.blockquote(whole)
    beginning = h.span([*_marked(_spaced(_first(marks, _BEGINNING)), predicted), " …"], class_="beginning", dir="auto")
    more = h.span(f"All {counted(length, 'character')}", class_="more")
    return h.blockquote(h.details(h.summary(beginning, " ", more), whole))


def legend(shown: Sequence[ExhibitRecord]) -> Markup | None:
    """What the marks mean; nothing where there are none."""
    if not any(entry.marks for entry in shown):
        return None
    return h.p(
        h.mark("Spoke for", class_="for", style="--weight:0.80"),
        " or ",
        h.mark("spoke against", class_="against", style="--weight:0.80"),
        " the predicted class, the stronger the deeper; what is not marked hardly mattered. By Integrated Gradients "
        "(Sundararajan et al. 2017); 1 is the strongest piece of each text.",
        class_="small",
    )


def _paragraphs(marks: Sequence[Mark], predicted: str) -> list[Markup]:
    """Each text of a pair as a paragraph of its own."""
    texts: list[list[Mark]] = [[]]
    for piece, weight in marks:
        first, *later = piece.split(SEPARATOR)
        texts[-1].append((first, weight))
        texts.extend([(part, weight)] for part in later)
    return [h.p(_marked(text, predicted), dir="auto") for text in texts]


def _marked(marks: Sequence[Mark], predicted: str) -> list[Markup | str]:
    """Pieces in order, the strong ones as marks that say for what they spoke and how much."""
    return [
        _mark(piece, weight, predicted) if abs(weight) >= _FAINTEST and piece.strip() else piece
        for piece, weight in marks
    ]


def _mark(piece: str, weight: float, predicted: str) -> Markup:
    """One strong piece."""
    side = "for" if weight > 0 else "against"
    amount = f"{weight:+.2f}".replace("-", "\N{MINUS SIGN}")
    style = f"--weight:{abs(weight):.2f}"
    return h.mark(piece, class_=side, style=style, title=f"{amount}: spoke {side} {predicted}")


def _first(marks: Sequence[Mark], most: int) -> list[Mark]:
    """The first pieces with about ``most`` characters in all; the last one may be cut, at a space if it has one."""
    found: list[Mark] = []
    room = most
    for piece, weight in marks:
        if len(piece) > room and (" " in piece[:room] or not found):
            return [*found, (piece[:room].rsplit(" ", 1)[0], weight)]
        if len(piece) > room:
            return found
        found.append((piece, weight))
        room -= len(piece)
    return found


def _spaced(marks: Sequence[Mark]) -> list[Mark]:
    """The same on one line."""
    return [(piece.replace(SEPARATOR, " · ").replace("\n", " "), weight) for piece, weight in marks]
