"""``report.html`` and ``README.md`` of a language model's run, from what its folder holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from markupsafe import Markup

from headstart.artifacts.model_card import escaped
from headstart.artifacts.report import markup as h
from headstart.artifacts.report import page
from headstart.artifacts.report.decode import decode
from headstart.artifacts.report.record import DataName, Estimate, LedgerRecord, VerdictRecord
from headstart.artifacts.report.tables import Cell, number, table
from headstart.artifacts.report.tuning_plots import learning_curve_plot
from headstart.artifacts.report.tuning_record import LearningCurve
from headstart.artifacts.report.wording import INTERRUPTED, UNDEFINED, duration
from headstart.core.files import write_bytes

_STYLE = Path(page.__file__).with_name("page.css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MEANINGS = {
    "perplexity": (
        "Perplexity per token",
        "how many equally likely tokens it in effect hesitates between; lower is better",
    ),
    "token_loss": ("Nats per token", "the same as a logarithm: the mean negative log likelihood"),
    "word_perplexity": ("Perplexity per word", "may be compared with models that have other tokens"),
}


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """One language model that was tried."""

    name: str
    kind: Literal["transfer", "baseline"]
    status: str
    detail: str = ""
    seconds: float | None = None
    epochs: int | None = None
    validation: Mapping[str, Estimate] | None = None
    test: Mapping[str, Estimate] | None = None


@dataclass(frozen=True, slots=True)
class LanguageMetrics:
    """``metrics.json`` of a language model."""

    headstart: str
    objective: str
    data: DataName
    backbone: str
    splits: Mapping[str, int]
    test: Mapping[str, Estimate]
    window: Mapping[str, int]
    candidates: tuple[LanguageRow, ...]
    verdict: VerdictRecord
    seconds: Mapping[str, float]
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class LanguageEvidence:
    """``evidence.json`` of a language model."""

    curves: tuple[LearningCurve, ...] = ()
    ledger: LedgerRecord = field(default_factory=LedgerRecord)


def write_language_report(run: Path) -> None:
    """Writes ``report.html`` and ``README.md`` of a language model's run.

    Raises:
        RunFolderError: A file of the run lacks what headstart writes.
        StorageError: The disk refuses.
    """
    metrics = decode(LanguageMetrics, _read(run, "metrics.json"), "metrics.json")
    evidence = decode(LanguageEvidence, _read(run, "evidence.json"), "evidence.json")
    manifest = _read(run, "manifest.json")
    write_bytes(run / "report.html", _page(metrics, evidence, manifest).encode("utf-8", "backslashreplace"))
    write_bytes(run / "README.md", _card(metrics, manifest).encode("utf-8", "backslashreplace"))


def _read(run: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((run / name).read_text(encoding="utf-8"))
    return values


def _page(metrics: LanguageMetrics, evidence: LanguageEvidence, manifest: Mapping[str, Any]) -> str:
    subject = h.p(h.strong(metrics.data.name), f" · language modelling, {metrics.objective}", class_="subject")
    sections = [
        _verdict(metrics),
        _figures(metrics),
        _candidates(metrics),
        _curves(evidence),
        _made(metrics, evidence, manifest),
    ]
    body = h.body(
        h.header(h.p("headstart", class_="brand"), subject, class_="masthead"),
        h.main(sections),
        h.footer(h.p(f"Made by headstart {metrics.headstart} from the files of this run.")),
    )
    title = h.title(f"{metrics.data.name}: {metrics.verdict.outcome} · headstart")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"{title}\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n{body}\n</html>\n"
    )


def _verdict(metrics: LanguageMetrics) -> Markup:
    judged = metrics.verdict
    warnings = [*judged.warnings, *([INTERRUPTED] if metrics.interrupted else [])]
    box = h.div(h.h2("Beware"), h.ul([h.li(entry) for entry in warnings]), class_="warnings", role="note")
    return h.section(
        h.p("Did the pretraining help?", class_="question"),
        h.h1(judged.sentence, id="verdict"),
        box if warnings else None,
        class_=f"verdict {judged.outcome.split()[0]}",
        aria_labelledby="verdict",
    )


def _figures(metrics: LanguageMetrics) -> Markup:
    rows = [
        (Cell(*_MEANINGS.get(name, (name, ""))), number(_number(found), under=_interval(found)))
        for name, found in metrics.test.items()
    ]
    return h.section(
        h.h2("Key figures", id="figures"),
        table(
            "On the test text, with 95 % intervals over stretches of it",
            ["Metric", number("Value")],
            rows,
            kind="figures",
        ),
        h.p(_how(metrics), class_="term"),
        aria_labelledby="figures",
    )


def _how(metrics: LanguageMetrics) -> str:
    window, stride = metrics.window["tokens"], metrics.window["stride"]
    if metrics.objective == "masked":
        return f"Windows of {window} tokens side by side; the same 15 % of the tokens are asked for of every model."
    return f"Every token is asked for once: windows of {window} tokens, each of which judges its last {stride}."


def _candidates(metrics: LanguageMetrics) -> Markup:
    columns: list[str | Cell] = [
        "Candidate",
        "Status",
        *(number(name) for name in ("Validation", "Test", "Epochs", "Time")),
    ]
    return h.section(
        h.h2("Candidates", id="candidates"),
        table("What was tried: perplexity per token with its 95 % interval", columns, map(_row, metrics.candidates)),
        aria_labelledby="candidates",
    )


def _row(entry: LanguageRow) -> list[Cell]:
    quiet = " quiet" if entry.status != "ok" else ""
    validation, test = ((found or {}).get("perplexity") for found in (entry.validation, entry.test))
    cells = [
        Cell(entry.name, entry.detail),
        Cell(entry.status),
        number(_number(validation), under=_interval(validation)),
        number(_number(test), under=_interval(test)),
        number(UNDEFINED if entry.epochs is None else str(entry.epochs)),
        number(duration(entry.seconds or None)),
    ]
    return [Cell(cell.content, cell.under, cell.kind + quiet) for cell in cells]


def _curves(evidence: LanguageEvidence) -> Markup | None:
    drawn = [(curve.name, plot) for curve in evidence.curves if (plot := learning_curve_plot(curve))]
    if not drawn:
        return None
    return h.section(
        h.h2("Learning curves", id="learning"),
        h.p("Nats per token by epoch: training thin, validation strong; the disc is the epoch that was kept."),
        h.div([h.figure(plot, h.figcaption(name)) for name, plot in drawn], class_="multiples"),
        aria_labelledby="learning",
    )


def _made(metrics: LanguageMetrics, evidence: LanguageEvidence, manifest: Mapping[str, Any]) -> Markup:
    card = manifest["backbone"]
    rows = [
        ("Text", metrics.data.origin),
        ("Tokens", ", ".join(f"{count:,} {split}" for split, count in metrics.splits.items())),
        ("Backbone", f"{card['name']}: {card['source']}"),
        ("Licence of the weights", card["licence"]),
        ("Command", manifest["command"]),
        ("Made", f"{manifest['created']}, seed {manifest['seed']}"),
        ("Versions", ", ".join(f"{name} {found}" for name, found in manifest["versions"].items())),
        ("Time", duration(sum(metrics.seconds.values()))),
    ]
    return h.section(
        h.h2("How it was made", id="made"),
        h.ul([h.li(note) for note in evidence.ledger.notes]) if evidence.ledger.notes else None,
        table("The run", ["What", ""], rows),
        aria_labelledby="made",
    )


def _card(metrics: LanguageMetrics, manifest: Mapping[str, Any]) -> str:
    """The model card."""
    card, judged = manifest["backbone"], metrics.verdict
    figures = [
        (*_MEANINGS.get(name, (name, ""))[:1], _number(found), _interval(found)) for name, found in metrics.test.items()
    ]
    tried = [
        (
            escaped(row.name),
            escaped(row.status),
            *(_number((found or {}).get("perplexity")) for found in (row.validation, row.test)),
        )
        for row in metrics.candidates
    ]
    warnings = "".join(f"\n\n> {escaped(warning)}" for warning in judged.warnings)
    return (
        f"# {escaped(metrics.data.name)}: language modelling, {metrics.objective}\n\n"
        f"Backbone: {escaped(card['name'])} (pretraining: {escaped(card['pretraining'])}, licence of the weights: "
        f"{escaped(card['licence'])}). Made by headstart "
        f"{escaped(metrics.headstart)} on {escaped(manifest['created'])}.\n\n"
        f"Other data can start from it: `--backbone run:PATH`.\n\n"
        f"## Test figures\n\n{_how(metrics)}\n\n{_markdown(('Metric', 'Value', '95 % interval'), figures)}\n\n"
        f"## Did the pretraining help?\n\n**{escaped(judged.sentence)}**{warnings}\n\n"
        f"{_markdown(('Candidate', 'Status', 'Validation perplexity', 'Test perplexity'), tried)}\n"
    )


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(found: Estimate | None) -> str:
    return UNDEFINED if found is None or found.value is None else f"{found.value:,.2f}"


def _interval(found: Estimate | None) -> str:
    if found is None or found.low is None or found.high is None:
        return ""
    return f"({found.low:,.2f} to {found.high:,.2f})"
