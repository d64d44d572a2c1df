"""The ``README.md`` of a run: what the model is, how to use it, how good it is and where that ends."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from headstart.artifacts.report.record import Evidence, Manifest, Metrics, read_run
from headstart.artifacts.report.wording import (
    INTERRUPTED,
    accuracy,
    counted,
    estimate,
    estimate_interval,
    metric_title,
    points,
    sentence,
    split_counts,
    tuning,
)

_CLASSES_SHOWN = 50

#: The field's terms for our strategies.
_STRATEGIES = {
    "probe": "a linear probe",
    "partial": "partial fine-tuning",
    "finetune": "full fine-tuning",
    "contrastive": "contrastive tuning",
    "scratch": "training from scratch",
}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$]|:(?=//)|^[#+=-])")
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
_FENCE = "```"


def render_model_card(run: Path) -> str:
    """Renders the model card of a run as Markdown.

    Text that comes from the user is escaped: a file or class name is shown as it is, and never as markup.

    Args:
        run: The run folder.

    Returns:
        The Markdown text.

    Raises:
        RunFolderError: The folder lacks a file, or a file lacks what headstart writes.
    """
    record = read_run(run)
    metrics, manifest = record.metrics, record.manifest
    parts = [
        _heading(metrics, manifest),
        _usage(metrics, manifest),
        _figures(metrics),
        _verdict(metrics),
        _transfer(metrics, manifest),
        _data(metrics, record.evidence),
        _backbone(metrics, manifest),
        _limits(metrics, manifest),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""``text`` so that Markdown shows it as it is, on one line.

    >>> print(escaped("a_b <script>"))
    a\_b \<script\>
    """
    plain = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _NUMBERED.sub(r"\1\\\2", plain)


def _heading(metrics: Metrics, manifest: Manifest) -> str:
    """What the model is."""
    name, pretraining = escaped(metrics.data.name), escaped(manifest.backbone.pretraining)
    classes = [escaped(entry) for entry in metrics.classes[:_CLASSES_SHOWN]]
    more = len(metrics.classes) - len(classes)
    listed = ", ".join(classes) + (f" and {more:,} more" if more else "")
    does = escaped(metrics.does) or f"tells {counted(len(metrics.classes), 'class', 'classes')} apart: {listed}"
    return (
        f"# {name}: {escaped(metrics.task)}\n\n"
        f"A model that {does}. It was made by "
        f"{escaped(_STRATEGIES.get(metrics.strategy, metrics.strategy))}; its backbone is "
        f"{escaped(manifest.backbone.name)} (pretraining: {pretraining}). headstart {escaped(metrics.headstart)} made "
        f"it on {escaped(manifest.created)}."
    )


def _usage(metrics: Metrics, manifest: Manifest) -> str:
    """The two ways to get predictions."""
    run = _code_word(metrics.run or "RUN")
    given = [_code_word(example.strip('"')) for example in manifest.predict_example]
    return (
        f"## Use\n\n{_FENCE}\nheadstart predict {run} {shlex.join(given)}\n{_FENCE}\n\n"
        f'{_FENCE}python\nimport headstart as hs\n\nrun = hs.load("{run}")\n'
        f"run.predict({json.dumps(given[:1])})\n{_FENCE}"
    )


def _figures(metrics: Metrics) -> str:
    """Every metric on the test split."""
    rows = [
        (metric_title(metric), estimate(metric, measured), estimate_interval(metric, measured))
        for metric, measured in metrics.test.items()
    ]
    items = counted(metrics.splits.get("test", 0), f"test {escaped(metrics.item_word)}")
    return (
        f"## Test figures\n\nOn {items} that took no part in training or choosing, with 95 % intervals.\n\n"
        + _table(("Metric", "Value", "95 % interval"), rows)
    )


def _verdict(metrics: Metrics) -> str:
    """Whether the pretraining helped, with every candidate."""
    rows = [
        (
            escaped(entry.name),
            escaped(entry.status),
            accuracy(entry.leading("validation")),
            accuracy(entry.leading("test")),
        )
        for entry in metrics.candidates
    ]
    warnings = "".join(f"\n\n> {escaped(warning)}" for warning in metrics.verdict.warnings)
    title = metric_title(metrics.leading)
    table = _table(("Candidate", "Status", f"Validation {title}", f"Test {title}"), rows)
    return f"## Did the pretraining help?\n\n**{escaped(metrics.verdict.sentence)}**{warnings}\n\n{table}"


def _transfer(metrics: Metrics, manifest: Manifest) -> str:
    """What of the backbone was trained, and the proof that the rest was not."""
    step = metrics.decision.chosen_step if metrics.decision else None
    frozen = step.frozen if step else None
    rows = [
        ("Strategy", metrics.strategy),
        ("Boundary", str(manifest.strategy.get("boundary", ""))),
        ("Frozen stages", ", ".join(frozen.stages) if frozen else ""),
        ("SHA-256 of the frozen stages", frozen.sha256 if frozen and frozen.stages else ""),
        ("Tuning", sentence(tuning(metrics))),
        ("Interrupted", INTERRUPTED if metrics.interrupted else ""),
    ]
    return "## Transfer\n\n" + _table(("", ""), [(name, escaped(value)) for name, value in rows if value])


def _data(metrics: Metrics, evidence: Evidence) -> str:
    """What it was made from, and what was left out."""
    used = (
        f"{counted(sum(metrics.splits.values()), escaped(metrics.item_word))}: {escaped(split_counts(metrics.splits))}."
    )
    reasons: dict[str, int] = {}
    for entry in evidence.ledger.excluded:
        reasons[entry.reason] = reasons.get(entry.reason, 0) + 1
    listed = ", ".join(f"{count:,} {escaped(reason)}" for reason, count in reasons.items())
    left_out = f"Left out: {metrics.excluded:,}" + (f" ({listed})." if listed else ".")
    notes = "".join(f"\n- {escaped(note)}" for note in evidence.ledger.notes)
    return f"## Data\n\nFrom {escaped(metrics.data.origin)}: {used} {left_out}" + (f"\n{notes}" if notes else "")


def _backbone(metrics: Metrics, manifest: Manifest) -> str:
    """Where the pretrained part comes from."""
    card = manifest.backbone
    rows = [
        ("Name", card.name),
        ("Chosen", metrics.backbone_choice.sentence if metrics.backbone_choice else ""),
        ("Source", card.source),
        ("Licence of the weights", card.licence),
        ("Licence allowed by the user", ", ".join(manifest.allowed_licences)),
        ("Pretraining", card.pretraining),
        ("Paper", card.paper),
        ("Parameters", f"{card.parameters:,}"),
        ("SHA-256", card.sha256),
    ]
    return "## Backbone\n\n" + _table(("", ""), [(name, escaped(value)) for name, value in rows if value])


def _limits(metrics: Metrics, manifest: Manifest) -> str:
    """Where the figures end."""
    test, word = metrics.splits.get("test", 0), escaped(metrics.item_word)
    smallest = metrics.verdict.shown_difference
    limits = [
        f"The figures rest on {counted(test, f'test {word}')} and hold for data like these. {word.capitalize()}s from "
        "another source, place or time may be harder.",
        "It answers whatever it is shown; it does not say that something is none of its business."
        if metrics.does
        else "It names one of its classes whatever it is shown; it has no answer for anything else.",
        f"The licence of the backbone's weights ({escaped(manifest.backbone.licence)}) and the rights in the training "
        "data bind whoever passes the model on.",
        "Where a wrong answer can hurt somebody, test it on the cases that matter and keep a person in charge.",
    ]
    if manifest.allowed_licences:
        named = escaped(", ".join(manifest.allowed_licences))
        limits.append(
            f"Weights took part that are under no permissive licence ({named}): whoever made this model allowed that "
            "by name. Read the licence before you use or pass on the model."
        )
    if smallest is not None:
        limits.insert(
            1,
            f"A true difference of less than {points(smallest, signed=False)} from a model without pretraining would "
            "often have stayed hidden in this test split.",
        )
    return "## Intended use and limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; cells must be escaped already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code_word(text: str) -> str:
    """``text`` for a code block: on one line, and unable to end the block or a string in it."""
    return " ".join(text.split()).replace("`", "'").replace('"', "'")
