"""The second part of the report: where the model is wrong, and whether it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from headstart.artifacts.report import exhibits, plots
from headstart.artifacts.report import markup as h
from headstart.artifacts.report.record import ClassFigures, Evidence, Metrics, WrongItem
from headstart.artifacts.report.result import term
from headstart.artifacts.report.tables import Cell, accuracy_cell, number, numbers, table
from headstart.artifacts.report.wording import counted, percent

LARGEST_HEAT_MAP = 20
_CLASSES_SHOWN = 25


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Test items of class ``label`` that were taken for ``predicted``, and their share of that class."""

    label: str
    predicted: str
    count: int
    share: float


def confusions(metrics: Metrics) -> Markup | None:
    """The confusion matrix where a page can hold it, and the pairs of classes most often confused."""
    if not metrics.confusion:
        return None
    drawn = len(metrics.classes) <= LARGEST_HEAT_MAP
    pairs = confused_pairs(metrics, most=8 if drawn else 20)
    return h.section(
        h.h2("Confusions", id="confusions"),
        h.div(_heat_map(metrics) if drawn else None, _pairs_table(pairs, metrics), class_="beside"),
        aria_labelledby="confusions",
    )


def confused_pairs(metrics: Metrics, *, most: int) -> list[ConfusedPair]:
    """The pairs of classes that were most often confused, by count and then by share."""
    names = metrics.classes
    pairs = [
        ConfusedPair(label, names[column], count, count / sum(counts))
        for own, (label, counts) in enumerate(zip(names, metrics.confusion, strict=True))
        for column, count in enumerate(counts)
        if count and column != own
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share, pair.label, pair.predicted))[:most]


def reliability(metrics: Metrics, evidence: Evidence) -> Markup | None:
    """Whether confidence agrees with how often the model is right."""
    word = metrics.item_word
    plot = plots.reliability_plot(evidence.reliability, item_word=word)
    if plot is None:
        return None
    rows = [
        (
            f"{percent(entry.low).removesuffix(' %')} to {percent(entry.high)}",
            number(f"{entry.count:,}"),
            number(percent(entry.confidence)),
            number(percent(entry.accuracy)),
        )
        for entry in evidence.reliability
        if entry.count
    ]
    columns = ["Confidence", *numbers(f"{word.capitalize()}s", "Mean", "Right")]
    said = (
        f"Test {word}s are grouped by confidence; a larger disc holds more of them. On the diagonal, 80 % confidence "
        "is right 80 % of the time. Below it the model is too sure of itself, above it too modest."
    )
    terms = term(
        ("Calibration", "how well confidence agrees with how often the model is right."),
        ("Confidence", "the probability that the model gives to the class it names."),
    )
    return h.section(
        h.h2("Can its confidence be believed?", id="reliability"),
        h.div(
            h.figure(plot),
            h.div(h.p(said), table("Confidence and how often it was right", columns, rows), terms),
            class_="beside",
        ),
        aria_labelledby="reliability",
    )


def most_wrong(metrics: Metrics, evidence: Evidence) -> Markup | None:
    """The test items whose true class the model believed in least, to be looked at, read or listened to."""
    if not evidence.most_wrong:
        return None
    shown = [item.exhibit for item in evidence.most_wrong]
    believed = "whose true class the model believed in least, true class → predicted class"
    if any(item.confidence is None for item in evidence.most_wrong):
        believed = "with the most wrong answers, right answer → given answer"
    look = "Look here first for wrong labels, and for what the model does not see."
    said = f"The test {metrics.item_word}s {believed}. {look}"
    return h.section(
        h.h2("Most wrong", id="most-wrong"),
        h.p(said),
        exhibits.legend(shown),
        h.ul([_wrong_item(item) for item in evidence.most_wrong], class_=f"gallery {exhibits.layout(shown)}"),
        aria_labelledby="most-wrong",
    )


def class_by_class(metrics: Metrics) -> Markup | None:
    """Support, recall, precision and F1 of every class, the hardest first."""
    if not metrics.per_class:
        return None
    figures = by_recall(metrics.per_class)
    shown, rest = figures[:_CLASSES_SHOWN], figures[_CLASSES_SHOWN:]
    more = h.summary(counted(len(rest), "more class", "more classes"))
    return h.section(
        h.h2("Class by class", id="classes"),
        _class_table("Classes by recall, the hardest first", shown, metrics),
        h.details(more, _class_table("The other classes", rest, metrics)) if rest else None,
        term(
            ("Recall", f"of the {metrics.item_word}s that are this class, the share that was found."),
            ("Precision", f"of the {metrics.item_word}s that were called this class, the share that is."),
            ("F1", "the harmonic mean of both."),
        ),
        aria_labelledby="classes",
    )


def by_recall(figures: Sequence[ClassFigures]) -> list[ClassFigures]:
    """Classes with the lowest recall first, and last those whose recall is undefined."""

    def key(entry: ClassFigures) -> tuple[bool, float, str]:
        value = _recall(entry)
        return value is None, value or 0.0, entry.name

    return sorted(figures, key=key)


def _recall(figures: ClassFigures) -> float | None:
    """The recall of a class, where it is defined."""
    return None if figures.recall is None else figures.recall.value


def _heat_map(metrics: Metrics) -> Markup:
    """The confusion matrix: true classes down, predicted ones across, tinted by the share of the row."""
    columns = [Cell("true ↓ predicted →"), *(Cell(h.span(name)) for name in metrics.classes)]
    rows = [
        [Cell(name), *_heat_cells(counts, own)]
        for own, (name, counts) in enumerate(zip(metrics.classes, metrics.confusion, strict=True))
    ]
    size = "few" if len(rows) <= 4 else "some" if len(rows) <= 8 else "many"
    upright = " upright" if max(map(len, metrics.classes)) > 4 and size != "few" else ""
    return table(f"Test {metrics.item_word}s by true and predicted class", columns, rows, kind=f"heat {size}{upright}")


def _heat_cells(counts: Sequence[int], own: int) -> list[Cell]:
    """The cells of a row whose own class is at ``own``."""
    total = max(1, sum(counts))
    kinds = ("right" if column == own else "wrong" for column in range(len(counts)))
    return [
        Cell(f"{count:,}" if count else "·", "", kind, count / total) for kind, count in zip(kinds, counts, strict=True)
    ]


def _pairs_table(pairs: Sequence[ConfusedPair], metrics: Metrics) -> Markup:
    """The pairs of classes most often confused."""
    if not pairs:
        return h.p(f"No test {metrics.item_word} was given the wrong class.")
    columns = ["True class", "Taken for", *numbers(f"{metrics.item_word.capitalize()}s", "Share of class")]
    rows = [
        (pair.label, pair.predicted, number(f"{pair.count:,}"), number(percent(pair.share), share=pair.share))
        for pair in pairs
    ]
    return table("Most often confused", columns, rows)


def _wrong_item(item: WrongItem) -> Markup:
    """What there is of it, with its true and its predicted class."""
    arrow = [h.span(item.label, class_="true"), " → ", h.span(item.predicted, class_="predicted")]
    name = f"Labelled {item.label}, predicted {item.predicted}"
    return h.li(
        exhibits.exhibit(item.exhibit, name=name, predicted=item.predicted),
        h.p(arrow, class_="classes"),
        None if item.confidence is None else h.p(f"{percent(item.confidence)} confident", class_="small"),
        h.p(item.id, class_="file"),
    )


def _class_table(name: str, figures: Sequence[ClassFigures], metrics: Metrics) -> Markup:
    """A row per class."""
    columns = [
        "Class",
        *numbers(f"Test {metrics.item_word}s", "Recall"),
        Cell("", kind="meter"),
        *numbers("Precision", "F1"),
    ]
    rows = [
        (
            entry.name,
            number(f"{entry.support:,}"),
            accuracy_cell(entry.recall),
            Cell("", "", "meter", _recall(entry) or 0.0),
            accuracy_cell(entry.precision),
            number(percent(entry.f1)),
        )
        for entry in figures
    ]
    return table(name, columns, rows)
