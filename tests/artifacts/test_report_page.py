"""The page as a browser meets it: whole, self-contained, accessible, and true to the run's files."""

import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headstart.artifacts.report.page import render_report
from headstart.core.errors import RunFolderError

EXAMPLES = Path(__file__).parent / "example_runs"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir())
VOID = {"meta", "img"}
SECTIONS = [
    "verdict",
    "figures",
    "candidates",
    "boundary",
    "confusions",
    "reliability",
    "most-wrong",
    "classes",
    "labels",
    "learning",
    "stages",
    "ledger",
    "origins",
]


class Page(HTMLParser):
    """All elements in order, and whether every one of them is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.cells: list[str] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if "td" in self._open:
            self.cells[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=NAMES)
def run(request: pytest.FixtureRequest) -> Path:
    return EXAMPLES / request.param


def read(run: Path, name: str) -> dict:
    return json.loads((run / f"{name}.json").read_text())


def changed(run: Path, tmp_path: Path, name: str, **values: object) -> Path:
    """A copy of a run in which one file has other values; ``None`` removes a key."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    content = {**read(run, name), **values}
    content = {key: value for key, value in content.items() if value is not None}
    (copy / f"{name}.json").write_text(json.dumps(content))
    return copy


def test_every_element_is_closed(run: Path) -> None:
    assert Page(render_report(run)).unbalanced == []


def test_the_same_folder_gives_the_same_page(run: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(run, tmp_path / "elsewhere")
    assert render_report(run) == render_report(elsewhere)


def test_nothing_is_loaded_from_anywhere(run: Path) -> None:
    text = render_report(run)
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    assert all(attributes["src"].startswith("data:image/") for attributes in page.all("img"))
    assert all(attributes["src"].startswith("data:audio/") for attributes in page.all("audio"))
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in page.all("meta"))


def test_the_sections_stand_in_order_and_the_verdict_is_first(run: Path) -> None:
    page = Page(render_report(run))
    headings = [attributes["id"] for tag, attributes in page.elements if tag in {"h1", "h2"} and "id" in attributes]
    assert headings == [name for name in SECTIONS if name in headings]
    assert headings[0] == "verdict" and headings[-1] == "origins"
    assert read(run, "metrics")["verdict"]["sentence"] in page.words


def test_screen_readers_find_names_for_plots_tables_sections_and_pictures(run: Path) -> None:
    page = Page(render_report(run))
    for place, (tag, attributes) in enumerate(page.elements):
        if tag == "svg":
            assert attributes["role"] == "img" and page.elements[place + 1][0] == "title"
    assert all(attributes.get("scope") in {"row", "col"} for attributes in page.all("th"))
    assert all(attributes.get("aria-label") for attributes in page.all("table"))
    assert all("alt" in attributes for attributes in page.all("img"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for attributes in page.all("section")} == set(ids)


def test_every_candidate_and_every_class_is_named(run: Path) -> None:
    page = Page(render_report(run))
    metrics = read(run, "metrics")
    assert {entry["name"] for entry in metrics["candidates"]} <= set(page.words)
    assert set(metrics["classes"]) <= set(page.words)


def test_the_heat_map_holds_the_confusion_matrix() -> None:
    cells = Page(render_report(EXAMPLES / "digits")).cells
    confusion = read(EXAMPLES / "digits", "metrics")["confusion"]
    expected = [str(count) if count else "·" for row in confusion for count in row]
    assert any(cells[start : start + len(expected)] == expected for start in range(len(cells)))


def test_many_classes_give_pairs_in_place_of_a_heat_map() -> None:
    tables = [attributes.get("class") or "" for attributes in Page(render_report(EXAMPLES / "hedgerow")).all("table")]
    assert not any("heat" in kind for kind in tables)
    assert "Most often confused" in render_report(EXAMPLES / "hedgerow")


@pytest.mark.parametrize(
    ("name", "key", "section"),
    [
        ("metrics", "per_class", "classes"),
        ("metrics", "confusion", "confusions"),
        ("metrics", "label_curve", "labels"),
        ("evidence", "reliability", "reliability"),
        ("evidence", "most_wrong", "most-wrong"),
        ("metrics", "decision", "boundary"),
        ("evidence", "curves", "learning"),
        ("evidence", "stage_changes", "stages"),
    ],
)
def test_a_section_without_its_part_is_not_shown(tmp_path: Path, name: str, key: str, section: str) -> None:
    whole = EXAMPLES / "house_numbers"
    assert f'id="{section}"' in render_report(whole)
    assert f'id="{section}"' not in render_report(changed(whole, tmp_path, name, **{key: None}))


def test_a_run_that_was_not_judged_says_so_and_draws_no_difference(tmp_path: Path) -> None:
    verdict = {
        "outcome": "not judged",
        "against": None,
        "difference": None,
        "low": None,
        "high": None,
        "smallest_detectable": None,
        "sentence": "Not judged: no model without the pretraining converged.",
        "warnings": [],
    }
    text = render_report(changed(EXAMPLES / "ants_bees", tmp_path, "metrics", verdict=verdict))
    assert verdict["sentence"] in text
    assert "Paired difference" not in text and "4 of 5 cases" not in text


def test_a_test_split_too_small_to_show_anything_is_called_that(tmp_path: Path) -> None:
    verdict = {**read(EXAMPLES / "ants_bees", "metrics")["verdict"], "smallest_detectable": 1.3}
    text = render_report(changed(EXAMPLES / "ants_bees", tmp_path, "metrics", verdict=verdict))
    assert "too small to show any difference" in text


def test_an_interrupted_fit_says_so_at_the_top(tmp_path: Path) -> None:
    whole = EXAMPLES / "house_numbers"
    said = "This is the best model until Ctrl-C ended the fit"
    text = render_report(whole)
    assert said in text[: text.index('id="figures"')]
    assert said not in render_report(changed(whole, tmp_path, "metrics", interrupted=False))


def test_the_chosen_model_is_this_model_wherever_it_stands(tmp_path: Path) -> None:
    whole = EXAMPLES / "house_numbers"
    candidates = read(whole, "metrics")["candidates"]
    page = Page(render_report(changed(whole, tmp_path, "metrics", candidates=candidates[::-1])))
    place = page.words.index("this model")
    assert page.words[place - 1] == "blocks.3 at 0.001 "


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "digits", tmp_path / "run")
    (tmp_path / "run" / "evidence.json").unlink()
    with pytest.raises(RunFolderError, match=r"evidence\.json"):
        render_report(tmp_path / "run")


def test_rendering_imports_nothing_heavy(run: Path) -> None:
    heavy = {"torch", "timm", "sklearn", "scipy", "matplotlib", "PIL", "openvino", "pyarrow", "jinja2"}
    code = (
        "import sys, pathlib; from headstart.artifacts.report.page import render_report; "
        f"render_report(pathlib.Path({str(run)!r})); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split())
