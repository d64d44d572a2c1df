"""The first part of the report: verdict, key figures, candidates, and what more labels would buy."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report import plots
from headstart.artifacts.report.markup import Child
from headstart.artifacts.report.record import CandidateRecord, LabelPoint, Manifest, Metrics
from headstart.artifacts.report.tables import Cell, accuracy_cell, number, numbers, table
from headstart.artifacts.report.wording import (
    INTERRUPTED,
    UNDEFINED,
    counted,
    duration,
    estimate,
    estimate_interval,
    metric_title,
    percent,
    points,
    split_counts,
)

#: Characters of what a backbone was trained on that a tile has room for.
_SHOWN_PRETRAINING = 60
_MEANINGS = {
    "accuracy": "share of test examples given the right class",
    "balanced_accuracy": "mean recall of the classes: a rare class counts as much as a frequent one",
    "macro_f1": "mean F1 of the classes: high only where a class is both found and seldom named wrongly",
    "log_loss": "penalty for confidence in wrong answers: 0 is perfect",
    "entity_f1": "harmonic mean of precision and recall over whole entities: words and type must be right",
    "entity_precision": "share of the entities it marked that are right",
    "entity_recall": "share of the entities that it found",
    "token_accuracy": "share of words given the right tag",
    "r2": "share of the variance that it explains: 0 is no better than always saying the mean, below 0 worse",
    "mean_absolute_error": "mean distance from the right number, in its own unit",
    "root_mean_squared_error": "the same with large errors counting more",
    "micro_f1": "harmonic mean of precision and recall over all labels of all items",
    "subset_accuracy": "share of test examples given exactly the right labels",
    "hamming_accuracy": "share of right decisions on single labels: high by itself where labels are rare",
    "mean_average_precision": "how well examples of a label are ranked above others, mean over labels",
    "exact_match": "share of questions answered exactly, but for case, punctuation and articles",
    "f1": "mean overlap of the words of its answers with those of the right ones",
    "calibration_error": "mean gap between confidence and how often it is right: 0 is perfect",
}


def verdict(metrics: Metrics) -> Markup:
    """Whether the pretraining helped, in one sentence and one plot, and what to beware of."""
    judged = metrics.verdict
    return h.section(
        h.p("Did the pretraining help?", class_="question"),
        h.h1(judged.sentence, id="verdict"),
        _difference(metrics),
        _smallest_detectable(metrics),
        _warnings([*judged.warnings, *([INTERRUPTED] if metrics.interrupted else [])]),
        class_=f"verdict {judged.outcome.split()[0]}",
        aria_labelledby="verdict",
    )


def key_figures(metrics: Metrics, manifest: Manifest) -> Markup:
    """Test accuracy, items, time and backbone at a glance, then every metric with its meaning."""
    leading, card, word = metrics.leading, manifest.backbone, metrics.item_word
    test = metrics.test[leading]
    left_out = f"; {metrics.excluded:,} left out" if metrics.excluded else ""
    tiles = [
        _tile(f"Test {metric_title(leading)}", estimate(leading, test), estimate_interval(leading, test)),
        _tile(f"{word.capitalize()}s", f"{sum(metrics.splits.values()):,}", split_counts(metrics.splits) + left_out),
        _tile("Time", duration(sum(metrics.seconds.values())), "from raw files to verdict"),
        _tile("Backbone", card.name.partition(":")[2], f"pretrained on {_shortened(card.pretraining)}", kind="name"),
    ]
    rows = [
        (
            Cell(metric_title(metric), _MEANINGS.get(metric, "")),
            number(estimate(metric, measured), under=estimate_interval(metric, measured)),
        )
        for metric, measured in metrics.test.items()
    ]
    return h.section(
        h.h2("Key figures", id="figures"),
        h.dl(tiles, class_="tiles"),
        table("On the test split, with 95 % intervals", ["Metric", number("Value")], rows, kind="figures"),
        term(("95 % interval", f"the true values that fit these test {word}s; more {word}s narrow it.")),
        aria_labelledby="figures",
    )


def candidates(metrics: Metrics) -> Markup | None:
    """Everything that was tried: a plot and a table."""
    if not metrics.candidates:
        return None
    plot = plots.candidates_plot(metrics.candidates, opponent=metrics.verdict.against)
    columns = ["Candidate", "Status", *numbers("Validation", "Test", "Epochs", "Time")]
    title = metric_title(metrics.leading)
    rows = [_candidate_row(entry, metrics) for entry in metrics.candidates]
    return h.section(
        h.h2("Candidates", id="candidates"),
        h.figure(plot, h.figcaption(_candidates_legend(), class_="legend")) if plot else None,
        table(f"What was tried: {title} with its 95 % interval, and its cost", columns, rows),
        term(
            ("Validation", f"{metrics.item_word}s that chose among the candidates."),
            ("Test", f"{metrics.item_word}s that were used once, at the end."),
            ("Opponent", f"the best without pretraining by {title} on validation; the verdict is against it."),
            ("Not converged", "still improving when its time was up, so its figure is no measure of it."),
        ),
        aria_labelledby="candidates",
    )


def label_curve(metrics: Metrics) -> Markup | None:
    """Test accuracy against the number of labels."""
    plot = plots.label_curve_plot(metrics.label_curve)
    if plot is None:
        return None
    said = "The same frozen features with only some of the training labels, with 95 % intervals."
    columns = numbers("Labels per class", "Labels", "Test accuracy")
    rows = [
        (number(f"{point.per_class:,}"), number(f"{point.labels:,}"), accuracy_cell(point.accuracy))
        for point in metrics.label_curve
    ]
    return h.section(
        h.h2("What would more labels buy?", id="labels"),
        h.figure(plot, h.figcaption(said), class_="axed"),
        h.p(label_gain(metrics.label_curve)),
        h.details(h.summary("The numbers"), table("Accuracy by number of labels", columns, rows, kind="narrow")),
        term(("Label curve", "where it still rises, more labels are likely to help; where it is flat, not.")),
        aria_labelledby="labels",
    )


def label_gain(curve: Sequence[LabelPoint]) -> str:
    """What the last step of the label curve brought, as a sentence; empty where there is no step."""
    known = [(point.per_class, point.accuracy.value) for point in curve if point.accuracy.value is not None]
    if len(known) < 2:
        return ""
    (few, before), (many, after) = known[-2:]
    return (
        f"From {few:,} to {many:,} labels per class, test accuracy went from {percent(before)} to {percent(after)} "
        f"({points(after - before)})."
    )


def term(*terms: tuple[str, str]) -> Markup:
    """A line that says in plain words what terms mean."""
    return h.p([[h.dfn(f"{name}:"), f" {meaning} "] for name, meaning in terms], class_="term")


def _difference(metrics: Metrics) -> Markup | None:
    """The plot of the paired difference, and what it is a difference of."""
    plot = plots.difference_plot(metrics.verdict)
    if plot is None:
        return None
    against, title = metrics.verdict.against, metric_title(metrics.leading)
    named = f"{title[:1].upper()}{title[1:]}"
    said = [
        f"{named} of this model minus that of {'' if against else 'the strongest model without pretraining '}",
        [h.strong(against), f", the strongest without pretraining by {title} on validation, "] if against else None,
        f"on the same {counted(metrics.splits['test'], f'test {metrics.item_word}')}, with its 95 % interval. ",
        "An interval that holds zero shows no difference.",
    ]
    return h.figure(plot, h.figcaption(said))


def _smallest_detectable(metrics: Metrics) -> Markup | None:
    """What the test split could have shown at best."""
    judged = metrics.verdict
    if judged.smallest_detectable is None:
        return None
    if judged.shown_difference is None:
        return h.p("This test split is too small to show any difference.", class_="small")
    smallest = h.strong(points(judged.shown_difference, signed=False))
    return h.p(
        [h.span(class_="swatch"), "A true difference of ", smallest, " is the smallest that this test split "],
        f"would show in 4 of 5 cases. Smaller ones often stay hidden; more test {metrics.item_word}s would bring them "
        "out.",
        class_="small",
    )


def _warnings(warnings: Sequence[str]) -> Markup | None:
    """What to beware of, in a box."""
    if not warnings:
        return None
    heading = h.h2("Beware")
    return h.div(heading, h.ul([h.li(warning) for warning in warnings]), class_="warnings", role="note")


def _shortened(pretraining: str) -> str:
    """The beginning of a long list; all of it stands among what the model is made of."""
    return (
        pretraining if len(pretraining) <= _SHOWN_PRETRAINING else f"{pretraining[:_SHOWN_PRETRAINING].rstrip(' ,')}…"
    )


def _tile(name: str, value: str, under: str, *, kind: str = "value") -> Markup:
    """One key figure."""
    return h.div(h.dt(name), h.dd(value, class_=kind), h.dd(under, class_="under"))


def _candidates_legend() -> list[Markup]:
    """What the marks and colours of the plot mean."""
    kinds = [
        ("ring", "validation"),
        ("disc", "test"),
        ("transfer", "with pretraining"),
        ("baseline", "without"),
        ("muted", "not converged, never compared with"),
    ]
    return [h.span(h.span(class_=f"key {kind}"), said) for kind, said in kinds]


def _candidate_row(entry: CandidateRecord, metrics: Metrics) -> list[Cell]:
    """A candidate's row; grey where it must not be compared with."""
    quiet = " quiet" if entry.status != "ok" else ""
    budget = f"of {duration(entry.budget_seconds)}" if entry.budget_seconds else ""
    cells = [
        Cell([entry.name, _badge(entry, metrics)], entry.detail),
        Cell(entry.status),
        accuracy_cell(entry.leading("validation")),
        accuracy_cell(entry.leading("test")),
        number(UNDEFINED if entry.epochs is None else f"{entry.epochs:,g}"),
        number(duration(entry.seconds or None), under=budget),
    ]
    return [Cell(cell.content, cell.under, cell.kind + quiet) for cell in cells]


def _badge(entry: CandidateRecord, metrics: Metrics) -> list[Child]:
    """Marks the run's own model and its opponent."""
    if entry.name == metrics.verdict.against:
        return [" ", h.span("opponent", class_="badge")]
    if entry is metrics.own:
        return [" ", h.span("this model", class_="badge own")]
    return []
