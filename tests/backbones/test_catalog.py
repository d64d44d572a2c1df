"""Opening backbones by name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headstart.backbones.catalog import find_converted, open_backbone
from headstart.core.errors import UnknownNameError, UsageError
from headstart.core.progress import Silent

SMALL = "headstart:small_convnet.8"


class Heard(Silent):
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.said: list[str] = []

    def start(self, step: str, *, total: int | None = None) -> None:
        self.steps.append(step)

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_second_opening_converts_nothing(empty_cache: Path) -> None:
    first, second = Heard(), Heard()
    made = open_backbone(SMALL, random_weights=True, progress=first)
    found = open_backbone(SMALL, random_weights=True, progress=second)
    assert found == made
    assert (first.steps[-1], second.steps) == ("conversion", [])
    assert made.folder.is_relative_to(empty_cache)


def test_seeds_have_converted_forms_of_their_own(empty_cache: Path) -> None:
    folders = {open_backbone(SMALL, random_weights=True, seed=seed).folder for seed in (0, 1)}
    assert len(folders) == 2


def test_a_stale_form_is_made_again(empty_cache: Path) -> None:
    open_backbone(SMALL, random_weights=True)
    (index,) = (empty_cache / "models" / "names").iterdir()
    index.write_text(json.dumps({**json.loads(index.read_text()), "stamp": "of another version"}))
    heard = Heard()
    open_backbone(SMALL, random_weights=True, progress=heard)
    assert heard.steps[-1] == "conversion"


@pytest.mark.parametrize("content", ["", "[]", '{"folder": 3}', "\x00"])
def test_a_broken_index_is_made_again(empty_cache: Path, content: str) -> None:
    made = open_backbone(SMALL, random_weights=True)
    (index,) = (empty_cache / "models" / "names").iterdir()
    index.write_text(content)
    assert open_backbone(SMALL, random_weights=True) == made
    assert json.loads(index.read_text())["folder"] == made.folder.name


def test_a_damaged_form_that_no_index_names_is_made_again(empty_cache: Path) -> None:
    made = open_backbone(SMALL, random_weights=True)
    (index,) = (empty_cache / "models" / "names").iterdir()
    index.unlink()
    made.weights.write_bytes(b"")
    heard = Heard()
    assert open_backbone(SMALL, random_weights=True, progress=heard) == made
    assert any("weights.safetensors" in message for message in heard.said)


def test_a_card_finds_its_converted_form(empty_cache: Path) -> None:
    made = open_backbone(SMALL, random_weights=True)
    assert find_converted(made.card) == made
    made.weights.unlink()
    assert find_converted(made.card) is None


@pytest.mark.parametrize("name", ["resnet18", "timm:", ":resnet18", ""])
def test_a_name_without_source_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="timm:resnet18"):
        open_backbone(name)


def test_an_unknown_source_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'bundled'"):
        open_backbone("bundle:efficientnet_lite0")


def test_an_architecture_goes_with_a_file_alone() -> None:
    for name, architecture in (("timm:resnet18", "resnet18"), ("file:weights.pth", None)):
        with pytest.raises(UsageError, match="--architecture"):
            open_backbone(name, architecture=architecture)


@pytest.mark.parametrize("name", ["bundled:efficientnet_lite0", "timm:vit_tiny_patch16_224", SMALL])
def test_opening_a_converted_backbone_imports_nothing_heavy(name: str) -> None:
    random = not name.startswith("bundled")
    open_backbone(name, random_weights=random)
    program = (
        "import sys; from headstart.backbones.catalog import open_backbone\n"
        f"assert open_backbone({name!r}, random_weights={random}).card.parameters\n"
        "print(sorted({'torch', 'timm', 'openvino', 'sklearn', 'huggingface_hub'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
