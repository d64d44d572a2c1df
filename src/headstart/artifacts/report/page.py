"""Renders ``report.html``: a run folder in, one self-contained page out."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report import mistakes, provenance, result, tuning
from headstart.artifacts.report.record import Metrics, read_run
from headstart.artifacts.report.wording import counted

_STYLE = Path(__file__).with_name("page.css")

#: No scripts, no requests: the page may show the pictures and play the sounds that it holds, and use its own style.
_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def render_report(run: Path) -> str:
    """Renders the report of a run: one HTML page that loads nothing from anywhere.

    The page is a function of ``metrics.json``, ``manifest.json`` and ``evidence.json`` alone: the same folder
    gives the same page. All text is escaped, and the page's own policy forbids scripts and requests as well.

    Args:
        run: The run folder.

    Returns:
        The HTML text.

    Raises:
        RunFolderError: The folder lacks a file, or a file lacks what headstart writes.
    """
    record = read_run(run)
    metrics, manifest, evidence = record.metrics, record.manifest, record.evidence
    sections = [
        result.verdict(metrics),
        result.key_figures(metrics, manifest),
        result.candidates(metrics),
        tuning.decision(metrics),
        mistakes.confusions(metrics),
        mistakes.reliability(metrics, evidence),
        mistakes.most_wrong(metrics, evidence),
        mistakes.class_by_class(metrics),
        result.label_curve(metrics),
        tuning.learning_curves(metrics, evidence),
        tuning.stage_changes(metrics, evidence),
        provenance.ledger(metrics, evidence),
        provenance.origins(metrics, manifest),
    ]
    body = h.body(_masthead(metrics), h.main(sections), _footer(metrics))
    return f'<!doctype html>\n<html lang="en">\n<head>\n{_head(metrics)}</head>\n{body}\n</html>\n'


def _head(metrics: Metrics) -> str:
    """What stands in the page's head; the style is ours and goes in as it is."""
    title = h.title(f"{metrics.data.name}: {metrics.verdict.outcome} · headstart")
    return (
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"{title}\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n"
    )


def _masthead(metrics: Metrics) -> Markup:
    """What the report is about."""
    asked = metrics.does or f"{metrics.task} of {counted(len(metrics.classes), 'class', 'classes')}"
    subject = h.p(h.strong(metrics.data.name), f" · {asked}", class_="subject")
    return h.header(h.p("headstart", class_="brand"), subject, class_="masthead")


def _footer(metrics: Metrics) -> Markup:
    """Where the page came from."""
    made = f"Made by headstart {metrics.headstart} from the files of this run. "
    return h.footer(h.p(made, "This page loads nothing from elsewhere."))
