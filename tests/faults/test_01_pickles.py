"""Fault 1: a pickle that runs code, given as weights or as a run, under whatever name."""

import contextlib
import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from tests.servers import TIMM_REPOSITORY, load_from_timm, own_hub

from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source
from headstart.backbones.sources.contract import Request
from headstart.core.errors import WeightsError


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.mark, "code ran")


def plain_pickle(content: object) -> bytes:
    return pickle.dumps(content)


def torch_archive(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def torch_legacy(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


FORMATS = [plain_pickle, torch_archive, torch_legacy]
NAMES = ["weights.pth", "weights.bin", "weights.safetensors", "weights"]


@pytest.mark.parametrize("write", FORMATS)
def test_the_payload_would_run_if_it_were_unpickled(tmp_path: Path, write: object) -> None:
    """So that the tests below cannot pass with a harmless payload."""
    mark = tmp_path / "mark"
    with contextlib.suppress(RuntimeError):  # a plain pickle runs first and is then found to be no checkpoint
        torch.load(io.BytesIO(write({"a": Payload(mark)})), weights_only=False)
    assert mark.read_text() == "code ran"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("write", FORMATS)
def test_given_as_a_file_of_weights(tmp_path: Path, write: object, name: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / name
    path.write_bytes(write({"state_dict": OrderedDict(a=torch.zeros(2)), "extra": Payload(mark)}))
    with pytest.raises(WeightsError, match=str(path)):
        open_backbone(f"file:{path}", architecture="resnet18")
    assert not mark.exists()


@pytest.mark.parametrize("write", FORMATS)
def test_given_as_a_run(tmp_path: Path, write: object, run_of_small_convnet: Path) -> None:
    mark, path = tmp_path / "mark", run_of_small_convnet / "model.safetensors"
    path.write_bytes(write({"backbone.a": Payload(mark)}))
    with pytest.raises(WeightsError, match=str(path)):
        open_source(Request.parse(f"run:{run_of_small_convnet}"))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["model__safetensors", "pytorch_model__bin"])
@pytest.mark.parametrize("write", FORMATS)
def test_given_by_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object, name: str) -> None:
    """The hub's hash agrees: the owner of the repository put it there."""
    mark = tmp_path / "mark"
    with own_hub(tmp_path, monkeypatch) as hub:
        hub.commit(TIMM_REPOSITORY, **{name: write({"a": Payload(mark)})})
        with pytest.raises(WeightsError, match=name.replace("__", ".")):
            load_from_timm()
    assert not mark.exists()


def test_an_archive_that_unpacks_to_far_more_than_its_size(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(50_000_000))
    with pytest.raises(WeightsError, match="unpack to 50,000"):
        open_source(Request.parse(f"file:{path}", architecture="resnet18"))


@pytest.mark.parametrize("content", [[1, 2], {"a": "text"}, {}, torch.zeros(3)])
def test_a_harmless_checkpoint_that_holds_no_weights(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=str(path)):
        open_source(Request.parse(f"file:{path}", architecture="resnet18"))
