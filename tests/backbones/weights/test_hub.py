"""Weights in a repository, from a server that answers as the hub does, and then does not."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, hf_hub_download
from tests.servers import HubServer, own_hub

from headstart.backbones.weights.hub import PATIENCE, fetch_from_hub, hub_snapshot_file
from headstart.backbones.weights.lock_file import lock_file
from headstart.core.errors import StorageError, UnavailableError, UsageError, WeightsError

CONTENT = bytes(range(256)) * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REPOSITORY = "owner/model"
NAMES = ("model.safetensors", "pytorch_model.bin")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with own_hub(tmp_path, monkeypatch) as hub:
        hub.commit(REPOSITORY, model__safetensors=CONTENT, config__json=b'{"depth": 3}')
        yield hub


def blob() -> Path:
    return Path(hf_hub_download(REPOSITORY, NAMES[0], local_files_only=True)).resolve()


def quarantined() -> list[Path]:
    return sorted((lock_file().parent / "weights" / "quarantine").glob("*"))


def test_a_file_is_fetched_once_into_the_cache_that_other_tools_use(hub) -> None:
    file = fetch_from_hub(REPOSITORY, NAMES)
    commit = hub.commits[REPOSITORY]
    assert (file.origin, file.sha256) == (f"hub:{REPOSITORY}@{commit}/{NAMES[0]}", SHA256)
    assert file.path.suffix == ".safetensors"
    assert file.path.read_bytes() == CONTENT
    assert hf_hub_download(REPOSITORY, NAMES[0], local_files_only=True) == str(file.path)
    asked = len(hub.asked)
    assert fetch_from_hub(REPOSITORY, NAMES) == file
    assert len(hub.asked) == asked
    lines = json.loads(lock_file().read_bytes())
    assert lines[file.origin]["sha256"] == SHA256
    assert lines[f"hub:{REPOSITORY}@main"]["commit"] == commit


def test_what_another_tool_fetched_is_used_without_asking(hub) -> None:
    path = hf_hub_download(REPOSITORY, NAMES[0])
    asked = len(hub.asked)
    assert str(fetch_from_hub(REPOSITORY, NAMES).path) == path
    assert len(hub.asked) == asked


def test_the_first_of_the_names_that_exists_is_taken(hub) -> None:
    hub.commit(REPOSITORY, pytorch_model__bin=CONTENT)
    assert fetch_from_hub(REPOSITORY, NAMES).path.name == NAMES[1]
    hub.commit("owner/both", pytorch_model__bin=b"old", model__safetensors=CONTENT)
    assert fetch_from_hub("owner/both", NAMES).path.name == NAMES[0]


def test_main_stays_the_commit_of_its_first_use(hub) -> None:
    first = fetch_from_hub(REPOSITORY, NAMES)
    pinned = hub.commits[REPOSITORY]
    newer = hub.commit(REPOSITORY, model__safetensors=CONTENT[::-1], config__json=b"{}")
    hf_hub_download(REPOSITORY, NAMES[0])  # another tool moves on
    assert fetch_from_hub(REPOSITORY, NAMES) == first
    config = hub_snapshot_file(REPOSITORY, "config.json")
    assert config is not None
    assert (config.parent.name, config.read_bytes()) == (pinned, b'{"depth": 3}')
    assert fetch_from_hub(REPOSITORY, NAMES, revision=newer).path.read_bytes() == CONTENT[::-1]
    lock_file().write_text("".join(line for line in lock_file().open() if f"{REPOSITORY}@main" not in line))
    assert fetch_from_hub(REPOSITORY, NAMES).path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("offline", [False, True])
def test_one_flipped_byte_in_the_cache_is_named_and_quarantined(hub, monkeypatch, heard, offline) -> None:
    fetch_from_hub(REPOSITORY, NAMES)
    damaged = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    blob().write_bytes(damaged)
    if offline:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(WeightsError, match=f"sha256 {SHA256}, as the hub says.*quarantine"):
            fetch_from_hub(REPOSITORY, NAMES)
    else:
        assert fetch_from_hub(REPOSITORY, NAMES, progress=heard).path.read_bytes() == CONTENT
        assert str(quarantined()[0]) in heard.said
    assert [path.read_bytes() for path in quarantined()] == [damaged]


def test_a_damaged_file_that_may_not_be_moved_is_refused_and_left_alone(hub, monkeypatch) -> None:
    fetch_from_hub(REPOSITORY, NAMES)
    blob().write_bytes(CONTENT[1:])

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "move", refuse)
    with pytest.raises(WeightsError, match="could not be moved away"):
        fetch_from_hub(REPOSITORY, NAMES)
    assert blob().read_bytes() == CONTENT[1:]


def test_one_flipped_byte_on_the_way_is_named_and_quarantined(hub) -> None:
    hub.faults = ["flip"]
    with pytest.raises(WeightsError, match=SHA256):
        fetch_from_hub(REPOSITORY, NAMES)
    assert len(quarantined()) == 1
    assert not lock_file().exists()
    assert fetch_from_hub(REPOSITORY, NAMES).sha256 == SHA256


def test_a_blob_that_is_shared_between_repositories_is_moved_and_not_its_link(hub) -> None:
    """Newer clients keep the content elsewhere, under a name that is no sha256."""
    path = fetch_from_hub(REPOSITORY, NAMES).path
    link = path.parent / path.readlink()
    store = Path(constants.HF_HUB_CACHE) / "blobs" / "ff" / ("f" * 64)
    store.parent.mkdir(parents=True)
    link.rename(store)
    link.symlink_to(store)
    assert fetch_from_hub(REPOSITORY, NAMES).sha256 == SHA256
    store.write_bytes(CONTENT[1:])
    assert fetch_from_hub(REPOSITORY, NAMES).sha256 == SHA256
    assert [aside.read_bytes() for aside in quarantined()] == [CONTENT[1:]]
    assert not store.exists()


def test_a_cache_without_links_is_held_to_the_first_use(hub) -> None:
    path = fetch_from_hub(REPOSITORY, NAMES).path
    path.resolve().replace(path)
    assert fetch_from_hub(REPOSITORY, NAMES).sha256 == SHA256
    path.write_bytes(CONTENT[1:])
    assert fetch_from_hub(REPOSITORY, NAMES).sha256 == SHA256
    assert len(quarantined()) == 1


@pytest.mark.parametrize("fault", ["cut", "stall", "refuse"])
def test_what_passes_is_outlasted(hub, fault) -> None:
    hub.faults = [fault]
    assert fetch_from_hub(REPOSITORY, NAMES).sha256 == SHA256


def test_a_download_that_keeps_stalling_is_one_line_after_few_attempts(hub) -> None:
    hub.faults = ["silence"] * 50
    with pytest.raises(UnavailableError, match=r"model\.safetensors of owner/model") as refused:
        fetch_from_hub(REPOSITORY, NAMES)
    assert "\n" not in str(refused.value)
    assert hub.gets < 10


@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_a_hub_that_is_down_is_asked_once_and_named(hub, status) -> None:
    hub.down = status
    with pytest.raises(UnavailableError, match=str(status)):
        fetch_from_hub(REPOSITORY, NAMES)
    assert len(hub.asked) == 1


def test_a_hub_that_is_down_does_not_matter_to_what_is_here(hub) -> None:
    file = fetch_from_hub(REPOSITORY, NAMES)
    hub.down = 500
    assert fetch_from_hub(REPOSITORY, NAMES) == file


def test_no_hub_at_all_is_one_line_soon(hub, monkeypatch) -> None:
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    )
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="ConnectError") as refused:
        fetch_from_hub(REPOSITORY, NAMES)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - begun < PATIENCE + 2


def test_something_else_that_answers_is_not_taken_for_the_hub(hub, monkeypatch) -> None:
    hub.files["/page"] = b"<html>"
    page = f"{hub.address}/page?{{repo_id}}{{revision}}{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", page)
    with pytest.raises(UnavailableError, match="not the hub"):
        fetch_from_hub(REPOSITORY, NAMES)


@pytest.mark.parametrize("switch", ["HEADSTART_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nobody_is_asked(hub, monkeypatch, switch) -> None:
    monkeypatch.setenv(switch, "1")
    with pytest.raises(UnavailableError, match=switch):
        fetch_from_hub(REPOSITORY, NAMES)
    with pytest.raises(UnavailableError, match=switch):
        hub_snapshot_file(REPOSITORY, "config.json")
    assert hub.asked == []
    monkeypatch.delenv(switch)
    file = fetch_from_hub(REPOSITORY, NAMES)
    monkeypatch.setenv(switch, "1")
    assert fetch_from_hub(REPOSITORY, NAMES) == file


def test_the_clients_own_switch_counts_too(hub, monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UnavailableError, match="offline"):
        fetch_from_hub(REPOSITORY, NAMES)
    assert hub.asked == []


def test_a_small_file_is_held_to_gits_own_hash(hub) -> None:
    path = hub_snapshot_file(REPOSITORY, "config.json")
    assert path is not None
    path.resolve().write_bytes(b'{"depth": 4}')
    again = hub_snapshot_file(REPOSITORY, "config.json")
    assert again is not None
    assert again.read_bytes() == b'{"depth": 3}'
    assert [aside.read_bytes() for aside in quarantined()] == [b'{"depth": 4}']


def test_a_file_that_the_repository_does_not_have_is_none_and_remembered(hub, monkeypatch) -> None:
    fetch_from_hub(REPOSITORY, NAMES)
    assert hub_snapshot_file(REPOSITORY, "preprocessor_config.json") is None
    monkeypatch.setenv("HEADSTART_OFFLINE", "1")
    assert hub_snapshot_file(REPOSITORY, "preprocessor_config.json") is None


def test_a_repository_with_none_of_the_files_is_named(hub) -> None:
    with pytest.raises(UnavailableError, match=r"a\.bin or b\.bin in owner/model"):
        fetch_from_hub(REPOSITORY, ("a.bin", "b.bin"))


def test_a_repository_or_revision_that_does_not_exist_is_one_line(hub) -> None:
    for repository, revision in (("owner/none", None), (REPOSITORY, "v9")):
        with pytest.raises(UnavailableError, match=repository) as refused:
            fetch_from_hub(repository, NAMES, revision=revision)
        assert "\n" not in str(refused.value)


def test_a_pinned_commit_that_is_gone_is_named_with_where_it_is_pinned(hub) -> None:
    assert hub_snapshot_file(REPOSITORY, "config.json") is not None
    gone = hub.commits[REPOSITORY]
    del hub.repositories[REPOSITORY, gone]
    hub.commit(REPOSITORY, model__safetensors=CONTENT)
    with pytest.raises(UnavailableError, match=f"{gone}, the commit in {lock_file()}"):
        fetch_from_hub(REPOSITORY, NAMES)


@pytest.mark.parametrize("wrong", ["", "a/b/c", "../../etc", "owner/..", "https://a/b", "a b/c"])
def test_what_cannot_be_a_repository_is_refused(hub, wrong) -> None:
    with pytest.raises(UsageError, match="OWNER/NAME"):
        fetch_from_hub(wrong, NAMES)
    with pytest.raises(UsageError, match="OWNER/NAME"):
        fetch_from_hub(REPOSITORY, NAMES, revision="../../refs")


def test_a_file_in_a_folder_of_the_repository(hub) -> None:
    hub.repositories[REPOSITORY, hub.commits[REPOSITORY]]["onnx/model.bin"] = CONTENT
    file = fetch_from_hub(REPOSITORY, ("onnx/model.bin",))
    assert file.origin == f"hub:{REPOSITORY}@{hub.commits[REPOSITORY]}/onnx/model.bin"


def test_a_full_disk_is_a_matter_of_storage(hub, monkeypatch: Any) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    with pytest.raises(StorageError, match="disk is full"):
        fetch_from_hub(REPOSITORY, NAMES)
