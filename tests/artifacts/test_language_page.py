"""The page and the model card of a language model's run."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headstart.artifacts.language_page import write_language_report
from headstart.core.errors import RunFolderError

_ESTIMATE = {"value": 12.345, "low": 11.0, "high": 13.5}
_METRICS = {
    "headstart": "1.0",
    "objective": "next token",
    "data": {"name": "book <b>", "origin": "book/"},
    "backbone": "hf:tiny",
    "splits": {"train": 1000, "validation": 100, "test": 200},
    "test": {"perplexity": _ESTIMATE, "token_loss": _ESTIMATE, "word_perplexity": _ESTIMATE},
    "window": {"tokens": 512, "stride": 384},
    "candidates": [
        {"name": "fine-tuned", "kind": "transfer", "status": "ok", "seconds": 3.0, "epochs": 2,
         "validation": {"perplexity": _ESTIMATE}, "test": {"perplexity": _ESTIMATE}},
        {"name": "from scratch", "kind": "baseline", "status": "not converged", "validation": None, "test": None},
    ],
    "verdict": {"outcome": "helps", "sentence": "Transfer helps: <i>.", "warnings": ["Take care."]},
    "seconds": {"tokens": 1.0},
    "interrupted": True,
}  # fmt: skip
_MANIFEST = {
    "backbone": {"name": "hf:tiny", "source": "a <script>", "pretraining": "stories", "licence": "mit"},
    "command": "headstart fit book/ --task lm",
    "created": "2026-01-01",
    "seed": 0,
    "versions": {"torch": "2"},
}
_CURVES = [{"name": "fine-tuned", "kept": 2, "epochs": [{"train_loss": 3.0, "validation_loss": 2.0}] * 2}]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    evidence = {"curves": _CURVES, "ledger": {"excluded": [], "ignored": [], "notes": ["Divided so."]}}
    for name, values in (("metrics", _METRICS), ("manifest", _MANIFEST), ("evidence", evidence)):
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    return tmp_path


def test_the_page_says_what_the_files_say_and_escapes_it(run: Path) -> None:
    write_language_report(run)
    page = (run / "report.html").read_text()
    HTMLParser().feed(page)
    for said in (
        "12.35",
        "(11.00 to 13.50)",
        "Transfer helps: &lt;i&gt;.",
        "Take care.",
        "Divided so.",
        "not converged",
    ):
        assert said in page
    assert "judges its last 384" in page
    assert "<svg" in page
    assert "Ctrl-C" in page
    assert "<script>" not in page
    assert "book <b>" not in page


def test_the_card_has_figures_verdict_and_candidates(run: Path) -> None:
    write_language_report(run)
    card = (run / "README.md").read_text()
    assert "| Perplexity per token | 12.35 | (11.00 to 13.50) |" in card
    assert "| from scratch | not converged | – | – |" in card
    assert "run:PATH" in card


def test_what_is_missing_is_named(run: Path) -> None:
    (run / "metrics.json").write_text(json.dumps({**_METRICS, "window": None}))
    with pytest.raises(RunFolderError, match="window"):
        write_language_report(run)
