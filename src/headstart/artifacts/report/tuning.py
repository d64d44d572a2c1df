"""The part of the report about tuning: how the boundary was placed, how training went, what changed where."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report import tuning_plots as plots
from headstart.artifacts.report.record import CandidateRecord, Evidence, Metrics
from headstart.artifacts.report.result import term
from headstart.artifacts.report.tables import Cell, number, numbers, table
from headstart.artifacts.report.tuning_record import (
    DecisionRecord,
    InvarianceRecord,
    LearningCurve,
    StageChangeRecord,
    StepRecord,
)
from headstart.artifacts.report.wording import (
    UNDEFINED,
    accuracy,
    counted,
    duration,
    interval,
    percent,
    points,
    sentence,
    size,
)

_CURVES_OPEN = 8
_CURVES_SHOWN = 6
_PLAN_SAID = (
    "Ring: the probe. Discs: the steps when they ended, numbered as in the table. The large green mark was chosen. "
    "The line is the best so far."
)
_BELOW = {"cached": "cached once", "computed each time": "computed each time", "nothing": "nothing: all stages train"}


def decision(metrics: Metrics) -> Markup | None:
    """Which model was chosen and why, every step of the plan, and what was gained over the probe."""
    decided = metrics.decision
    if decided is None:
        return None
    probe, word = _probe_accuracy(metrics), metrics.item_word
    plot = None if probe is None else plots.plan_plot(decided, probe=probe)
    return h.section(
        h.h2("How the boundary was placed", id="boundary"),
        h.p("Chosen: ", h.strong(decided.chosen), ". ", " ".join(_reasons(decided))),
        _gain(metrics, decided),
        h.figure(plot, h.figcaption(_PLAN_SAID), class_="axed") if plot else None,
        _plan_tables(metrics, decided) if decided.steps else None,
        _invariances(metrics, decided.invariances),
        term(
            ("Boundary", "the lowest stage that trains; all below it are frozen."),
            ("Learning rate", "the highest; stages near the input train more slowly."),
            (
                "Cached once",
                f"the output of the stages below was computed once per {word}, and trained from in every epoch.",
            ),
            ("Cost", f"of passing one {word} through the whole backbone."),
            *([("Views", f"augmented versions of each {word} that were cached.")] if _viewed(decided) else []),
        ),
        aria_labelledby="boundary",
    )


def _viewed(decided: DecisionRecord) -> bool:
    """Whether a column of the table speaks of views."""
    return any(step.views > 1 for step in decided.steps)


def learning_curves(metrics: Metrics, evidence: Evidence) -> Markup | None:
    """Loss per epoch of every training; of many, the chosen one and the best are open and the rest folded."""
    drawn = [(curve, figure) for curve in evidence.curves if (figure := _curve_figure(curve, metrics))]
    if not drawn:
        return None
    shown = {curve.name for curve in foremost([curve for curve, _ in drawn], metrics)}
    rest = [figure for curve, figure in drawn if curve.name not in shown]
    more = h.summary(counted(len(rest), "more training"))
    return h.section(
        h.h2("Learning curves", id="learning"),
        h.p(_curves_legend(), class_="legend small"),
        h.div([figure for curve, figure in drawn if curve.name in shown], class_="multiples"),
        h.details(more, h.div(rest, class_="multiples")) if rest else None,
        term(
            ("Loss", f"penalty per {metrics.item_word}, in nats; each plot has its own scale."),
            (
                "Kept epoch",
                "the one with the lowest validation loss. Where validation loss rises while training loss "
                f"still falls, the model has begun to learn its training {metrics.item_word}s by heart.",
            ),
        ),
        aria_labelledby="learning",
    )


def foremost(curves: Sequence[LearningCurve], metrics: Metrics) -> list[LearningCurve]:
    """Up to eight curves as they are; of more, the chosen model's and those that reached most on validation."""
    if len(curves) <= _CURVES_OPEN:
        return list(curves)

    def rank(curve: LearningCurve) -> tuple[bool, float]:
        return curve.name != _chosen(metrics), -(_accuracy(metrics.candidate(curve.name)) or 0.0)

    return sorted(curves, key=rank)[:_CURVES_SHOWN]


def stage_changes(metrics: Metrics, evidence: Evidence) -> Markup | None:
    """How far each stage's weights went, and how alike its output stayed."""
    changes = evidence.stage_changes
    plot = plots.stage_changes_plot(changes)
    if plot is None:
        return None
    step = metrics.decision.chosen_step if metrics.decision else None
    proof = step.frozen if step else None
    read = (
        "Weights moved by: the distance between the weights before and after, relative to their length. CKA: 1 where "
        "the stage's output has the same geometry as before, whatever its rotation and scale; the lower, the more "
        "differently the stage now arranges the examples (Kornblith et al. 2019)."
    )
    return h.section(
        h.h2("What changed in which stage", id="stages"),
        h.p(change_sentence(changes)),
        h.figure(plot, h.figcaption(read), class_="staged"),
        h.p(
            "SHA-256 of the frozen stages' parameters and buffers, the same before and after: ",
            h.span(proof.sha256, class_="file"),
            class_="small",
        )
        if proof and proof.stages
        else None,
        aria_labelledby="stages",
    )


def change_sentence(changes: Sequence[StageChangeRecord]) -> str:
    """How many stages were frozen, and which output changed most."""
    frozen = sum(change.frozen for change in changes)
    said = f"Frozen and unchanged: {frozen:,} of {counted(len(changes), 'stage')}. " if frozen else ""
    known = [(change.cka, change.name) for change in changes if change.cka is not None and not change.frozen]
    if not known:
        return said.strip()
    lowest, name = min(known)
    return f"{said}The output of {name} changed most (CKA {lowest:.2f})."


def _reasons(decided: DecisionRecord) -> list[str]:
    """Why this model, why no further step, and what of the budget was spent."""
    spent = f"{duration(decided.seconds)} were spent"
    budget = f" of a budget of {duration(decided.budget_seconds)}" if decided.budget_seconds is not None else ""
    ended = [] if decided.ended in decided.reason else [sentence(decided.ended)]
    return [sentence(decided.reason), *ended, f"{spent}{budget}."]


def _gain(metrics: Metrics, decided: DecisionRecord) -> Markup | None:
    """The paired gain over the probe on the test split, in words."""
    gain = decided.over_probe
    if gain is None:
        return None
    word = metrics.item_word
    items = counted(metrics.splits["test"], f"test {word}")
    if gain.low > 0:
        read = "The whole interval lies above zero: tuning helped."
    elif gain.high < 0:
        read = f"The whole interval lies below zero: on these {word}s tuning hurt, though validation chose it."
    else:
        read = "The interval holds zero: no difference is shown."
    measured = [h.strong(points(gain.difference)), f" {interval(gain.low, gain.high)}"]
    return h.p(f"Against the probe on the same {items}: ", measured, f", with its 95 % interval. {read}")


def _plan_tables(metrics: Metrics, decided: DecisionRecord) -> list[Markup | None]:
    """The probe and the steps that were run, a row each; those that were not are folded."""
    columns = ["Boundary", *numbers("Validation", "Learning rate", "Epochs", "Time"), "Below the boundary", "Computed"]
    numbered = [(step, _step_row(index, step, metrics)) for index, step in enumerate(decided.steps, 1)]
    run = [*_probe_rows(metrics), *(row for step, row in numbered if step.status != "not run")]
    left = [row for step, row in numbered if step.status == "not run"]
    said = f"{counted(len(left), 'step was', 'steps were')} not run"
    return [
        table("The plan, and what each step came to", columns, run, kind="steps"),
        h.details(h.summary(said), table("Steps that were not run", columns, left, kind="steps")) if left else None,
    ]


def _invariances(metrics: Metrics, checked: Sequence[InvarianceRecord]) -> list[Markup]:
    """A line for each augmentation that was considered."""
    if not checked:
        return []
    said = [
        f"{entry.name}: {percent(entry.accuracy)} recognised by the probe against "
        f"{percent(entry.unchanged_accuracy)} unchanged: {'' if entry.admitted else 'not '}used as augmentation."
        for entry in checked
    ]
    return [
        h.h3(f"What may be changed in each {metrics.item_word}"),
        h.ul([h.li(line[:1].upper() + line[1:]) for line in said]),
    ]


def _probe_rows(metrics: Metrics) -> list[list[Cell]]:
    """The probe as the row that the steps are compared with."""
    probe = metrics.probe
    if probe is None:
        return []
    return [
        [
            Cell([h.span(class_="nth"), "top", _badge(probe.name, metrics)], f"{probe.name}: only the head trains"),
            number(percent(_accuracy(probe))),
            number(UNDEFINED),
            number(UNDEFINED),
            number(duration(probe.seconds)),
            Cell("cached once", "100 % of the cost"),
            Cell(UNDEFINED),
        ]
    ]


def _step_row(index: int, step: StepRecord, metrics: Metrics) -> list[Cell]:
    """A step's row; grey where it did not end as planned."""
    quiet = "" if step.status == "ok" else " quiet"
    ended = [said for said in ("" if step.status == "ok" else step.status, step.reason) if said]
    predicted = [h.span(said, class_="detail") for said in _predicted(step)]
    cells = [
        Cell([h.span(f"{index}", class_="nth"), step.boundary, _badge(step.name, metrics)], ": ".join(ended)),
        number(percent(step.validation_accuracy), under=_over_probe(step, metrics)),
        number(f"{step.learning_rate:.3g}"),
        number(f"{step.epochs_run:,} of {step.epochs:,}", under=f"{step.views} views" if step.views > 1 else ""),
        number([duration(step.seconds), predicted]),
        Cell(_BELOW[step.below], ", ".join(_below_facts(step))),
        Cell(step.precision or UNDEFINED, ", ".join(_computed_facts(step))),
    ]
    return [Cell(cell.content, cell.under, cell.kind + quiet) for cell in cells]


def _over_probe(step: StepRecord, metrics: Metrics) -> str:
    """What a step brought on validation."""
    probe = _probe_accuracy(metrics)
    return "" if probe is None or step.validation_accuracy is None else points(step.validation_accuracy - probe)


def _predicted(step: StepRecord) -> list[str]:
    """The time that was predicted, and what it would have been the other way."""
    said = []
    if step.predicted_seconds is not None:
        said.append(f"{duration(step.predicted_seconds)} predicted")
    if step.predicted_seconds_otherwise is not None:
        other = "without" if step.below == "cached" else "with"
        said.append(f"{duration(step.predicted_seconds_otherwise)} {other} cache")
    return said


def _below_facts(step: StepRecord) -> list[str]:
    """The share of the cost below the boundary, and the size of the cache."""
    said = []
    if step.share_below is not None:
        said.append(f"{percent(step.share_below)} of the cost")
    if step.cache_bytes is not None:
        said.append(size(step.cache_bytes))
    return said


def _computed_facts(step: StepRecord) -> list[str]:
    """Memory layout, threads and accumulation."""
    said = [step.layout] if step.layout else []
    if step.threads is not None:
        said.append(counted(step.threads, "thread"))
    if step.accumulation > 1:
        said.append(f"batches in {step.accumulation} parts")
    return said


def _badge(name: str, metrics: Metrics) -> list[Markup | str]:
    """Marks the chosen one."""
    return [" ", h.span("chosen", class_="badge own")] if name == _chosen(metrics) else []


def _curve_figure(curve: LearningCurve, metrics: Metrics) -> Markup | None:
    """A learning curve under its name."""
    entry, own = metrics.candidate(curve.name), curve.name == _chosen(metrics)
    plot = plots.learning_curve_plot(curve)
    if plot is None:
        return None
    kept = f"epoch {curve.kept} of {len(curve.epochs)} kept" if curve.kept else counted(len(curve.epochs), "epoch")
    reached = (
        f"; {accuracy(entry.leading('validation'))} on validation" if entry and entry.leading("validation") else ""
    )
    seconds = sum(epoch.seconds for epoch in curve.epochs)
    kind = entry.kind if entry else "transfer"
    return h.figure(
        h.p(h.strong(curve.name), _badge(curve.name, metrics) if own else None, class_="caption"),
        plot,
        h.figcaption(f"{kept} in {duration(seconds)}{reached}"),
        class_=f"axed {kind}",
    )


def _curves_legend() -> list[Markup]:
    """What the lines mean."""
    kinds = [
        ("training", "training loss per epoch"),
        ("validation", "validation loss"),
        ("disc", "the epoch that was kept"),
    ]
    return [h.span(h.span(class_=f"key {kind}"), said) for kind, said in kinds]


def _chosen(metrics: Metrics) -> str | None:
    """Name of the chosen model, where there was a choice."""
    return metrics.decision.chosen if metrics.decision else None


def _probe_accuracy(metrics: Metrics) -> float | None:
    """Validation accuracy of the probe."""
    return _accuracy(metrics.probe)


def _accuracy(entry: CandidateRecord | None) -> float | None:
    """Validation accuracy of a candidate."""
    measured = entry.leading("validation") if entry else None
    return measured.value if measured else None
