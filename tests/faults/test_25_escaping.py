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

EXAMPLE = Path(__file__).parents[1] / "artifacts" / "example_runs" / "ants_bees"
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
CHOSEN = {"outcome", "status", "kind", "layout", "interpolation", "thumbnail", "thumbnails"}


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
        return value + attack
    if isinstance(value, list):
        return [poisoned(entry, attack) for entry in value]
    if isinstance(value, dict):
        return {key: entry if key in CHOSEN else poisoned(entry, attack) for key, entry in value.items()}
    return value


@pytest.fixture(params=ATTACKS)
def attack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def run(attack: str, tmp_path: Path) -> Path:
    """A run in which every text ends with the attack."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "run")
    for path in folder.glob("*.json"):
        content = poisoned(json.loads(path.read_text()), attack)
        if path.name == "metrics.json":
            content["seconds"] = {f"read{attack}": 1.0}
            content["splits"][f"other{attack}"] = 3
        path.write_text(json.dumps(content))
    return folder


def test_the_report_has_the_elements_of_a_harmless_one(run: Path, attack: str) -> None:
    harmless, page = Page(render_report(EXAMPLE)), Page(render_report(run))
    assert page.tags <= harmless.tags
    assert page.attributes <= harmless.attributes


def test_the_report_shows_the_names_as_they_are(run: Path, attack: str) -> None:
    text = Page(render_report(run)).text
    evidence = json.loads((EXAMPLE / "evidence.json").read_text())
    names = [item["id"] for item in evidence["most_wrong"]] + [entry["id"] for entry in evidence["ledger"]["excluded"]]
    assert [name for name in [*names, "ants", "bees", "read"] if name + attack not in text] == []


def test_the_model_card_has_no_markup_from_names(run: Path, attack: str) -> None:
    card = render_model_card(run)
    outside = re.sub(r"^```.*?^```$", "", card, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"(?<!\\)<|(?<!\\)\]\(", outside) == []
    harmless = re.findall(r"^#+ ", render_model_card(EXAMPLE), flags=re.MULTILINE)
    assert re.findall(r"^#+ ", outside, flags=re.MULTILINE) == harmless


def test_the_model_cards_code_cannot_be_left(run: Path, attack: str) -> None:
    card = render_model_card(run)
    assert len(re.findall(r"^```", card, flags=re.MULTILINE)) == 4
    python = re.search(r"^```python\n(.*?)^```$", card, flags=re.MULTILINE | re.DOTALL)
    assert python is not None
    compile(python.group(1), "README.md", "exec")
