"""The repository around the code: what is in it, and that its pages tell the truth about it."""

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import headstart

ROOT = Path(__file__).parents[1]
MOST_BYTES = 400_000
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Written in two halves, so that this file does not hold what it looks for.
REGISTRIES = ["pypi" + ".org", "python" + "hosted.org", "ana" + "conda.org", "npm" + "js.", "index" + "-url"]
MACHINE_PATHS = re.compile(r"(?<![\w.~$}/-])/(?:" + "|".join(["work", "root", "home", "Users"]) + r")/\w")
LINKS = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def tracked_files() -> list[Path]:
    """All files that are in git or would be if everything was added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def pages() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md"]


def test_no_file_names_a_package_registry() -> None:
    found = [(path.name, host) for path in tracked_files() for host in REGISTRIES if host in text_of(path)]
    assert found == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    files = tracked_files()
    found = [(path.name, match.group()) for path in files for match in MACHINE_PATHS.finditer(text_of(path))]
    assert found == []


def test_no_file_is_large() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked_files()}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_the_licence_is_whole_and_the_one_that_is_declared() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert PROJECT["license"] == "Apache-2.0"


def test_the_version_is_the_same_everywhere() -> None:
    assert headstart.__version__ == PROJECT["version"]
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for page in pages():
        for match in LINKS.finditer(text_of(page)):
            target = (match.group(1) or match.group(2)).partition("#")[0]
            if target and "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_every_link_to_a_heading_finds_it() -> None:
    broken = []
    for page in pages():
        for match in LINKS.finditer(text_of(page)):
            target, _, heading = (match.group(1) or match.group(2)).partition("#")
            other = page.parent / target if target else page
            if heading and "://" not in target and heading not in anchors(other):
                broken.append(f"{page.relative_to(ROOT)} -> {target}#{heading}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_pages_name_only_paths_that_exist(page: str) -> None:
    named = re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./*-]*)`", (ROOT / page).read_text())
    assert len(named) > 10
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = [path.parent.name for path in (ROOT / "src/headstart").glob("*/__init__.py")]
    assert [room for room in rooms if f"`{room}/`" not in page] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = ROOT / "docs/decisions"
    listed = (decisions / "README.md").read_text()
    assert [path.name for path in decisions.glob("0*.md") if f"({path.name})" not in listed] == []


def test_every_direct_dependency_is_pinned() -> None:
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    pinned = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    names = {re.match(r"[\w.-]+", entry).group() for group in groups for entry in group}  # type: ignore[union-attr]
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in names} - pinned - {"headstart"} == set()


def test_every_extra_that_an_error_names_exists() -> None:
    sources = "\n".join(text_of(path) for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"extra=\"([\w-]+)\"", sources))
    assert named <= set(PROJECT["optional-dependencies"])


def test_the_page_of_the_command_line_is_what_the_program_says() -> None:
    spec = importlib.util.spec_from_file_location("make_cli_page", ROOT / "docs/make_cli_page.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.PAGE.read_text() == maker.render(), "run python docs/make_cli_page.py"
