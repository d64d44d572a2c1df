"""Heads on frozen features as candidates: the linear probe always, a hidden layer where it is asked for."""

from __future__ import annotations

from dataclasses import asdict, replace

from headstart.core.progress import Progress, Stopwatch
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.label_curve import CurvePoint, label_curve
from headstart.transfer.heads import Head
from headstart.transfer.probe import Probe, fit_probe
from headstart.workflows.fitted import Fitted, on_frozen_features
from headstart.workflows.gather import Examples

HEADS = ("linear", "mlp")


def fit_linear(examples: Examples, *, seed: int, progress: Progress) -> tuple[Probe, Fitted]:
    """The linear probe on training features at the top."""
    progress.start("probe")
    watch = Stopwatch()
    train = examples.arranged.rows("train")
    with watch.step("fit"):
        probe = fit_probe(
            examples.top.select(train),
            examples.arranged.labels[train],
            classes=len(examples.arranged.classes),
            groups=examples.arranged.groups(train),
            seed=seed,
        )
    detail = f"strength {probe.strength:.3g}, temperature {probe.head.temperature:.2f} from out-of-fold logits"
    progress.finish(detail)
    facts = {
        "head": "linear",
        "strength": probe.strength,
        "strengths_tried": [asdict(row) for row in probe.tried],
    }
    candidate = _candidate("linear probe", probe.head, examples, seconds=watch.seconds["fit"], detail=detail)
    if not probe.converged:  # shown as what it is, like any other candidate
        candidate = replace(candidate, status="not converged")
    return probe, on_frozen_features(examples, probe.head, candidate=candidate, facts=facts)


def fit_mlp(examples: Examples, *, seed: int, progress: Progress) -> Fitted:
    """A hidden layer on the same features, stopped by validation."""
    from headstart.transfer.mlp_probe import HIDDEN, fit_mlp_probe

    arranged = examples.arranged
    train, validation = arranged.rows("train"), arranged.rows("validation")
    watch = Stopwatch()
    with watch.step("fit"):
        probe = fit_mlp_probe(
            examples.top.select(train),
            arranged.labels[train],
            validation=examples.top.select(validation),
            validation_labels=arranged.labels[validation],
            classes=len(arranged.classes),
            seed=seed,
            progress=progress,
        )
    facts = {"head": "mlp", "hidden": HIDDEN, "epochs": len(probe.record.epochs)}
    candidate = _candidate(
        "probe with a hidden layer", probe.head, examples, seconds=watch.seconds["fit"], detail=probe.record.reason
    )
    return on_frozen_features(examples, probe.head, candidate=candidate, facts=facts)


def label_curve_of(examples: Examples, probe: Probe, *, seed: int) -> list[CurvePoint]:
    """The linear probe's accuracy against the number of labels."""
    arranged = examples.arranged
    train, test = arranged.rows("train"), arranged.rows("test")
    return label_curve(
        examples.top.select(train),
        arranged.labels[train],
        test_features=examples.top.select(test),
        test_labels=arranged.labels[test],
        classes=len(arranged.classes),
        strength=probe.strength,
        axes=probe.axes,
        seed=seed,
    )


def _candidate(name: str, head: Head, examples: Examples, *, seconds: float, detail: str) -> Candidate:
    validation, test = (
        head.probabilities(examples.top.select(examples.arranged.rows(split))) for split in ("validation", "test")
    )
    return Candidate(
        name=name,
        strategy="probe",
        kind="transfer",
        detail=detail,
        seconds=seconds,
        validation_probabilities=validation,
        test_probabilities=test,
    )
