"""The README of a run."""

import json
import re
import shutil
from pathlib import Path

import pytest

from headstart.artifacts.model_card import escaped, render_model_card
from headstart.core.errors import RunFolderError

EXAMPLES = Path(__file__).parent / "example_runs"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_card_has_the_figures_the_verdict_and_the_licence(name: str) -> None:
    card = render_model_card(EXAMPLES / name)
    metrics = json.loads((EXAMPLES / name / "metrics.json").read_text())
    accuracy = metrics["test"]["accuracy"]
    value, low, high = (f"{100 * accuracy[end]:.1f}" for end in ("value", "low", "high"))
    assert f"| accuracy | {value} % | ({low} to {high}) |" in card
    assert metrics["verdict"]["sentence"] in card
    assert f'hs.load("runs/{name}")' in card
    assert "Apache-2.0" in card and f"{metrics['splits']['test']:,} test {metrics['item_word']}s" in card
    assert all(candidate["name"] in card for candidate in metrics["candidates"])


@pytest.mark.parametrize(
    ("name", "command", "python"),
    [
        ("ants_bees", "photo.jpg folder/", '"photo.jpg"'),
        ("tool_notes", "'a text' texts.csv", '"a text"'),
        ("spoon", "clip.wav folder/", '"clip.wav"'),
    ],
)
def test_the_use_that_is_shown_suits_what_the_model_takes(name: str, command: str, python: str) -> None:
    card = render_model_card(EXAMPLES / name)
    assert f"\nheadstart predict runs/{name} {command}\n" in card
    assert f"\nrun.predict([{python}])\n" in card


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_as_many_cells_in_every_row(name: str) -> None:
    rows = [line for line in render_model_card(EXAMPLES / name).splitlines() if line.startswith("|")]
    blocks = re.findall(r"(?:^\|.*\n)+", render_model_card(EXAMPLES / name), flags=re.MULTILINE)
    assert rows and blocks
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_a_tuned_run_names_its_boundary_its_frozen_stages_with_their_proof_and_the_interruption() -> None:
    card = render_model_card(EXAMPLES / "house_numbers")
    metrics = json.loads((EXAMPLES / "house_numbers" / "metrics.json").read_text())
    frozen = next(step for step in metrics["decision"]["steps"] if step["name"] == "blocks.3 at 0.001")["frozen"]
    assert "made by partial fine-tuning" in card and "| Boundary | blocks.3 |" in card
    assert f"| Frozen stages | {escaped(', '.join(frozen['stages']))} |" in card
    assert f"| SHA-256 of the frozen stages | {frozen['sha256']} |" in card
    assert "until Ctrl-C ended the fit" in card


def test_a_probe_is_not_said_to_be_tuned() -> None:
    card = render_model_card(EXAMPLES / "digits")
    assert "made by a linear probe" in card
    assert "Frozen stages" not in card and "Ctrl-C" not in card and "| Tuning |" not in card


def test_many_classes_are_cut_and_counted() -> None:
    assert "and 10 more" in render_model_card(EXAMPLES / "hedgerow")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# title", r"\# title"),
        ("12. item", r"12\. item"),
        ("- item", r"\- item"),
        ("0.1.0", "0.1.0"),
        ("a|b", r"a\|b"),
        ("![x](https://e.org)", r"!\[x\](https\://e.org)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("two\n\nlines", "two lines"),
        ("2026-03-14", "2026-03-14"),
    ],
)
def test_text_stays_text(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "digits" / "metrics.json", tmp_path)
    with pytest.raises(RunFolderError, match=r"manifest\.json"):
        render_model_card(tmp_path)
