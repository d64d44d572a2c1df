"""Fault 25: whatever files and classes are called, the report and the model card show it and never run it."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from headstart.artifacts.model_card import render_model_card
from headstart.artifacts.report.page import render_report

EXAMPLES = Path(__file__).parents[1] / "artifacts" / "example_runs"
ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title></svg><script>alert(1)</script>",
    "]]><!--",
    "{{ 7 * 7 }}{% raw %}",
    "`|\n\n# <script>[x](javascript:alert(1))",
]
#: Values that headstart chooses itself, from a fixed list.
CHOSEN = {"outcome", "status", "kind", "layout", "picture", "sound", "below"}
#: A name by which headstart finds a candidate of its own.
PROBE = "linear probe"


class Page(HTMLParser):
    """Every element and attribute that a browser would see, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def poisoned(value: Any, attack: str) -> Any:
    """``value`` with ``attack`` at the end of every text and every free key."""
    if isinstance(value, str):
        return value if value == PROBE else value + attack
    if isinstance(value, list):
        return [poisoned(entry, attack) for entry in value]
    if isinstance(value, dict):
        return {key: entry if key in CHOSEN else poisoned(entry, attack) for key, entry in value.items()}
    return value


@pytest.fixture(params=ATTACKS)
def attack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["ants_bees", "house_numbers"])
def example(request: pytest.FixtureRequest) -> Path:
    """A run without tuning, and one with a tuning of every kind of step."""
    return EXAMPLES / str(request.param)


@pytest.fixture
def run(example: Path, attack: str, tmp_path: Path) -> Path:
    """A run in which every text ends with the attack."""
    folder = shutil.copytree(example, tmp_path / "run")
    for path in folder.glob("*.json"):
        content = poisoned(json.loads(path.read_text()), attack)
        if path.name == "metrics.json":
            content["seconds"] = {f"read{attack}": 1.0}
            content["splits"][f"other{attack}"] = 3
        path.write_text(json.dumps(content))
    return folder


def named(example: Path) -> set[str]:
    """What the report shows of a run that data, a backbone or a plan gave a name or a reason."""
    metrics, evidence = (json.loads((example / f"{name}.json").read_text()) for name in ("metrics", "evidence"))
    decision = metrics.get("decision") or {}
    steps = decision.get("steps", [])
    names = {"read", *metrics["classes"], *(entry["id"] for entry in evidence["most_wrong"])}
    names |= {entry["id"] for entry in evidence["ledger"]["excluded"]}
    names |= {step[key] for step in steps for key in ("boundary", "reason", "precision") if step[key]}
    names |= {decision[key] for key in ("chosen", "reason", "ended") if decision}
    names |= {entry["name"].capitalize() for entry in decision.get("invariances", ())}
    return (names | {entry["name"] for entry in metrics["candidates"]}) - {PROBE}


def test_the_examples_have_all_that_may_be_named() -> None:
    """Otherwise the tests below would show little."""
    names = named(EXAMPLES / "house_numbers")
    assert {"blocks.3", "blocks.6 at 0.001", "Mirrored", "Ctrl-C ended the plan before its last step"} <= names


def test_the_report_has_the_elements_of_a_harmless_one(example: Path, run: Path) -> None:
    harmless, page = Page(render_report(example)), Page(render_report(run))
    assert page.tags <= harmless.tags
    assert page.attributes <= harmless.attributes


def test_the_report_shows_the_names_as_they_are(example: Path, run: Path, attack: str) -> None:
    text = Page(render_report(run)).text
    assert [name for name in sorted(named(example)) if name + attack not in text] == []


@pytest.mark.parametrize("example", ["house_numbers"], indirect=True)
def test_the_drawings_of_a_tuning_speak_the_names_as_they_are(example: Path, run: Path, attack: str) -> None:
    metrics, evidence = (json.loads((example / f"{name}.json").read_text()) for name in ("metrics", "evidence"))
    reached = [step["name"] for step in metrics["decision"]["steps"] if step["validation_accuracy"]]
    curves = [f"Learning curve of {curve['name']}" for curve in evidence["curves"]]
    names = [*reached, *curves, *(stage["name"] for stage in evidence["stage_changes"])]
    assert len(reached) > 1 and len(curves) > 1
    text = Page(render_report(run)).text
    assert [name for name in names if f"{name}{attack}: " not in text] == []


def test_the_model_card_has_no_markup_from_names(example: Path, run: Path) -> None:
    card = render_model_card(run)
    outside = re.sub(r"^```.*?^```$", "", card, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"(?<!\\)<|(?<!\\)\]\(", outside) == []
    harmless = re.findall(r"^#+ ", render_model_card(example), flags=re.MULTILINE)
    assert re.findall(r"^#+ ", outside, flags=re.MULTILINE) == harmless


def test_the_model_cards_code_cannot_be_left(run: Path) -> None:
    card = render_model_card(run)
    assert len(re.findall(r"^```", card, flags=re.MULTILINE)) == 4
    python = re.search(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)
    assert python is not None
    compile(python.group(1), "README.md", "exec")
