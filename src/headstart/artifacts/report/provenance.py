"""The last part of the report: what was read, what was left out, and how the run was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from headstart.artifacts.report import exhibits
from headstart.artifacts.report import markup as h
from headstart.artifacts.report.record import (
    Evidence,
    LedgerEntry,
    Manifest,
    Metrics,
    NearDuplicate,
    StandingRecord,
)
from headstart.artifacts.report.result import term
from headstart.artifacts.report.tables import Cell, number, table
from headstart.artifacts.report.wording import counted, duration, split_counts

#: Keys that say more in other words, and the unit of their values; every other key is written as it is.
_WORDS = {
    "inputs_per_second": ("Inputs per second", ""),
    "std": ("Standard deviation", ""),
    "rate": ("Sampling rate", "Hz"),
    "low": ("Lowest frequency", "Hz"),
    "high": ("Highest frequency", "Hz"),
    "mels": ("Mel bands", ""),
    "window": ("Window", "samples"),
    "hop": ("Hop", "samples"),
    "fft": ("Fourier transform", "points"),
    "loudness": ("Raised to at least", "dB"),
}
_ENTRIES_SHOWN = 100
_ENTRIES_OPEN = 12


def ledger(metrics: Metrics, evidence: Evidence) -> Markup:
    """What was read and left out, with reasons, and items that look alike."""
    entries, word = evidence.ledger, metrics.item_word
    used = counted(sum(metrics.splits.values()), word)
    left_out = counted(metrics.excluded, f"{word} was", f"{word}s were") if metrics.excluded else f"No {word} was"
    return h.section(
        h.h2("What was read, and what was left out", id="ledger"),
        h.p(f"{used} from {metrics.data.origin}: {split_counts(metrics.splits)}. {left_out} left out."),
        h.ul([h.li(note) for note in entries.notes]) if entries.notes else None,
        _entries("Left out", f"{word.capitalize()}s that could not be used", entries.excluded),
        _entries("Passed over", "Files that nobody meant as data", entries.ignored),
        _near_duplicates(evidence.near_duplicates),
        aria_labelledby="ledger",
    )


def origins(metrics: Metrics, manifest: Manifest) -> Markup:
    """All that it takes to judge and to repeat the run."""
    run = {"made": manifest.created, "seed": manifest.seed, "splits": metrics.splits, **manifest.versions}
    steps = sorted(metrics.seconds.items(), key=lambda step: -step[1])
    longest = max(metrics.seconds.values(), default=0.0) or 1.0
    rows = [(step, number(duration(length), share=length / longest)) for step, length in steps]
    hashes = h.details(h.summary("SHA-256 of the run's files"), _fact_list(manifest.hashes.items()))
    return h.section(
        h.h2("How it was made", id="origins"),
        h.p("The command that repeats it:"),
        h.pre(manifest.command, tabindex=0),
        h.div(
            h.div(h.h3("Backbone"), _fact_list(backbone_facts(metrics, manifest)), _choice(metrics)),
            h.div(h.h3("Transfer"), _fact_list(facts(manifest.strategy)), _record_tables(manifest.strategy)),
            h.div(h.h3("Preprocessing"), _fact_list(facts({**manifest.backbone.preprocess, "rule": manifest.rule}))),
            h.div(h.h3("Engine"), _fact_list(facts(manifest.engine)), _record_tables(manifest.engine)),
            h.div(h.h3("Run"), _fact_list(facts(run))),
            h.div(h.h3("Time"), table("Where the time went", ["Step", number("Time")], rows)),
            class_="columns",
        ),
        hashes if manifest.hashes else None,
        term(
            ("Backbone", "the pretrained part of the model."),
            ("Boundary", "the stage of it up to which nothing was trained."),
            ("Strength", "how strongly the head's weights were held small."),
            (
                "Temperature",
                "the divisor of the head's outputs that brings confidence in line with accuracy.",
            ),
            ("Engine", "the library that computed the frozen part."),
        ),
        aria_labelledby="origins",
    )


def backbone_facts(metrics: Metrics, manifest: Manifest) -> list[tuple[str, str]]:
    """The backbone's card as names and values."""
    card = manifest.backbone
    trained = {True: "trained further in this run", False: "frozen, unchanged by this run", None: ""}
    named = [
        ("Name", card.name),
        ("Source", card.source),
        ("Licence", card.licence),
        ("Allowed by the user", ", ".join(manifest.allowed_licences)),
        ("Pretraining", card.pretraining),
        ("Paper", card.paper),
        ("Architecture", f"{card.architecture} ({card.library})"),
        ("Parameters", f"{card.parameters:,}"),
        ("Features", f"{card.top.dim:,} per {metrics.item_word}, from stage {card.top.name}"),
        ("Weights", trained[manifest.trained_backbone]),
        ("SHA-256", card.sha256),
    ]
    return [fact for fact in named if fact[1]]


def _choice(metrics: Metrics) -> list[Markup]:
    """The ranking by which the backbone was chosen, if it was."""
    choice = metrics.backbone_choice
    if choice is None:
        return []
    score = choice.scores[0]
    rows = [
        (one.name, _rank(one.standings.get(score)), _score(one.standings.get(score)), one.outcome)
        for one in choice.candidates
    ]
    title = f"The ranking, on {counted(choice.examples, f'training {metrics.item_word}')}"
    columns: list[str | Cell] = ["Backbone", number("Rank, 95 %"), number(score), "Outcome"]
    return [h.p(choice.sentence), h.details(h.summary(title), table(title, columns, rows))]


def _rank(standing: StandingRecord | None) -> Cell:
    return number(f"{standing.rank} ({standing.low} to {standing.high})" if standing else "–")


def _score(standing: StandingRecord | None) -> Cell:
    return number(f"{standing.value:.3f}" if standing else "–")


def facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Named values as text, without those that are empty or are tables of their own.

    >>> facts({"head": "linear", "seed": None, "mean_rgb": [0.5, 0.25], "hop": 160})
    [('Head', 'linear'), ('Mean rgb', '0.5, 0.25'), ('Hop', '160 samples')]
    """
    named = [(key, _written(value)) for key, value in values.items() if not _is_table(value)]
    return [(_named(key), f"{text} {_unit(key)}".strip()) for key, text in named if text]


def _record_tables(values: Mapping[str, Any]) -> list[Markup]:
    """The values that are lists of records, each a table to unfold."""
    return [_record_table(_named(key), value) for key, value in values.items() if _is_table(value)]


def _record_table(name: str, records: Sequence[Mapping[str, Any]]) -> Markup:
    """Records of the same keys, a row each."""
    columns = [_named(key) for key in records[0]]
    rows = [[_written(value) for value in record.values()] for record in records]
    return h.details(h.summary(name), table(name, columns, rows))


def _is_table(value: Any) -> bool:
    """Whether ``value`` is a list of records."""
    return isinstance(value, list) and bool(value) and all(isinstance(record, Mapping) for record in value)


def _named(key: str) -> str:
    """A key as people write it: ``log_loss`` is ``Log loss``."""
    name = key.replace("_", " ")
    return _WORDS[key][0] if key in _WORDS else name[:1].upper() + name[1:]


def _unit(key: str) -> str:
    """The unit of a key's values; empty where they are plain."""
    return _WORDS[key][1] if key in _WORDS else ""


def _written(value: Any) -> str:
    """A plain JSON value as people write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_written(entry)}" for key, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    return str(value)


def _fact_list(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Names and values in two columns."""
    return h.dl([h.div(h.dt(name), h.dd(value)) for name, value in pairs], class_="facts")


def _entries(name: str, said: str, entries: Sequence[LedgerEntry]) -> Markup | None:
    """A part of the ledger: counts by reason, and the first entries in full."""
    if not entries:
        return None
    reasons = Counter(entry.reason for entry in entries).most_common()
    counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    rows = [(Cell(entry.id, kind="file"), entry.reason, entry.detail) for entry in entries[:_ENTRIES_SHOWN]]
    hidden = len(entries) - len(rows)
    return h.details(
        h.summary(f"{name}: {counts}"),
        table(said, ["Name", "Reason", "What was found"], rows),
        h.p(f"{hidden:,} more are listed in evidence.json.", class_="small") if hidden else None,
        open="open" if len(entries) <= _ENTRIES_OPEN else None,
    )


def _near_duplicates(pairs: Sequence[NearDuplicate]) -> list[Markup]:
    """Pairs that are nearly alike, side by side."""
    if not pairs:
        return []
    said = "Pairs that are nearly alike. One across training and test is almost a test on what was learned."
    layout = exhibits.layout([shown for pair in pairs for shown in pair.exhibits])
    listed = h.ul([_near_pair(pair) for pair in pairs], class_=f"pairs {layout}")
    return [h.h3("Nearly the same"), h.p(said), listed]


def _near_pair(pair: NearDuplicate) -> Markup:
    """Two examples above their names and splits."""
    named = ((pair.first, pair.first_split), (pair.second, pair.second_split))
    shown = zip(named, pair.exhibits, strict=False)
    return h.li(
        h.div([h.div(exhibits.exhibit(held, name=name)) for (name, _), held in shown]) if pair.exhibits else None,
        [h.p(name, h.em(f" {split}") if split else None, class_="file") for name, split in named],
        h.p(f"difference {pair.difference:g}", class_="small") if pair.difference is not None else None,
    )
