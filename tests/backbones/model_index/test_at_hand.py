import dataclasses
import json
from pathlib import Path

import pytest

from headstart.backbones.converted import FORMAT
from headstart.backbones.model_index.at_hand import Machine, known_file
from headstart.backbones.model_index.row import ModelRow, Weights
from headstart.backbones.weights.url import kept_at

URL = "https://download.pytorch.org/models/toy-01234567.pth"
HASH = "5" * 64


def row(weights: Weights, name: str = "timm:toy.tag") -> ModelRow:
    return ModelRow(name, "image", "mit", "ImageNet-1k", "", 1, 1, 32, "pool:16p", "", weights)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    return tmp_path


def put(path: Path, content: str = "weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_nothing_is_found_on_a_bare_machine() -> None:
    machine = Machine.now()
    for weights in (Weights("hub", "timm/toy"), Weights("url", URL), Weights("package", "no_such_package", "a.pth")):
        assert machine.place_of(row(weights)) is None
    assert machine.place_of(row(Weights("none", ""))) is None


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_the_hubs_cache_is_found_and_names_the_hash(home: Path, file: str) -> None:
    folder = home / "user" / "huggingface" / "hub" / "models--timm--toy.tag"
    blob = put(folder / "blobs" / HASH)
    snapshot = folder / "snapshots" / "abc" / file
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(blob)
    found = row(Weights("hub", "timm/toy.tag"))
    assert Machine.now().place_of(found) == snapshot
    assert known_file(found, snapshot) == Weights("hub", "timm/toy.tag", "", HASH, len("weights"))
    assert Machine.now().place_of(row(Weights("hub", "timm/toy.other"))) is None


def test_a_dead_link_or_another_file_is_not_a_model(home: Path) -> None:
    snapshots = home / "user" / "huggingface" / "hub" / "models--timm--toy.tag" / "snapshots"
    put(snapshots / "abc" / "config.json")
    (snapshots / "abc" / "model.safetensors").symlink_to(home / "gone")
    assert Machine.now().place_of(row(Weights("hub", "timm/toy.tag"))) is None


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME"])
def test_the_hubs_own_variables_move_its_cache(home: Path, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = home / "moved"
    monkeypatch.setenv(variable, str(moved))
    hub = moved if variable == "HF_HUB_CACHE" else moved / "hub"
    file = put(hub / "models--timm--toy.tag" / "snapshots" / "abc" / "open_clip_model.safetensors")
    weights = Weights("hub", "timm/toy.tag", "open_clip_model.safetensors")
    assert Machine.now().place_of(row(weights)) == file


def test_files_fetched_from_an_address_are_found() -> None:
    kept = put(kept_at(URL))
    assert Machine.now().place_of(row(Weights("url", URL))) == kept


def test_torchs_own_checkpoints_are_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(home / "user" / "torch" / "hub" / "checkpoints" / "toy-01234567.pth")
    assert Machine.now().place_of(row(Weights("url", URL))) == file
    monkeypatch.setenv("TORCH_HOME", str(home / "elsewhere"))
    assert Machine.now().place_of(row(Weights("url", URL))) is None


def test_keras_own_files_are_found(home: Path) -> None:
    file = put(home / "home" / ".keras" / "models" / "toy_notop.h5")
    weights = Weights("url", "https://storage.googleapis.com/toy/toy_notop.h5")
    assert Machine.now().place_of(row(weights, "keras:Toy")) == file


def test_a_packages_file_is_found_without_importing_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "site" / "toy_package" / "__init__.py", "raise RuntimeError('imported')")
    file = put(home / "site" / "toy_package" / "models" / "a.pth")
    monkeypatch.syspath_prepend(home / "site")
    assert Machine.now().place_of(row(Weights("package", "toy_package", "models/a.pth"))) == file
    assert Machine.now().place_of(row(Weights("package", "toy_package", "models/b.pth"))) is None


def converted(home: Path, **changes: object) -> Path:
    """A converted form on disk and the entry that names it."""
    request = {"prefix": "timm", "name": "toy", "random_weights": False, "architecture": None, "seed": 0} | changes
    entry = {"request": request, "stamp": f"format {FORMAT}, timm 1", "folder": "f00"}
    put(home / "cache" / "models" / "names" / "toy.json", json.dumps(entry))
    card = {"file": {"sha256": HASH, "bytes": 7}}
    return put(home / "cache" / "models" / "f00" / "card.json", json.dumps(card)).parent


def test_a_converted_form_is_found_by_the_name_it_was_opened_with(home: Path) -> None:
    folder = converted(home)
    tagged = row(Weights("hub", "timm/toy.tag"))
    default = dataclasses.replace(tagged, default=True)
    assert Machine.now().place_of(tagged) is None
    assert Machine.now().place_of(default) == folder
    assert known_file(default, folder) == Weights("hub", "timm/toy.tag", "", HASH, 7)


def test_a_run_is_a_model_only_where_its_path_leads_to_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    converted(home, prefix="run", name="runs/photos")
    (tmp_path / "work" / "runs" / "photos").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert list(Machine.now().converted) == ["run:runs/photos"]
    monkeypatch.chdir(tmp_path / "work" / "runs")
    assert Machine.now().converted == {}


@pytest.mark.parametrize("changes", [{"random_weights": True}, {"architecture": "resnet18", "prefix": "file"}])
def test_random_weights_and_files_are_no_models_by_name(home: Path, changes: dict[str, object]) -> None:
    converted(home, **changes)
    assert Machine.now().converted == {}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"request": {}}', '{"request": null, "stamp": 1, "folder": "x"}'])
def test_half_an_entry_is_none(home: Path, content: str) -> None:
    put(home / "cache" / "models" / "names" / "broken.json", content)
    assert Machine.now().converted == {}
