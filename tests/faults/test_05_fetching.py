"""Fault 5: offline, hub error, stalled download: a verified copy is used, else one line after bounded retries."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
from huggingface_hub import hf_hub_download
from safetensors.torch import save
from tests.servers import TIMM_NAME, TIMM_REPOSITORY, FileServer, HubServer, load_from_timm, own_hub

from headstart.backbones.conversion import open_source
from headstart.backbones.sources.contract import Request
from headstart.backbones.weights.url import fetch_url, kept_at
from headstart.core.errors import UnavailableError, WeightsError


@pytest.fixture(scope="module")
def weights() -> bytes:
    return save(timm.create_model("mobilenetv3_small_050").state_dict())


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes) -> Iterator[HubServer]:
    with own_hub(tmp_path, monkeypatch) as hub:
        hub.commit(TIMM_REPOSITORY, model__safetensors=weights)
        yield hub


@pytest.mark.parametrize("trouble", ["offline", "error", "unreachable"])
def test_what_is_verified_and_here_is_used(hub: HubServer, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    first = load_from_timm()
    asked = len(hub.asked)
    if trouble == "offline":
        monkeypatch.setenv("HEADSTART_OFFLINE", "1")
    elif trouble == "error":
        hub.down = 500
    else:
        hub.shutdown()
    assert load_from_timm() == first
    assert len(hub.asked) == asked


def test_what_is_here_but_damaged_is_not_used_offline(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_from_timm()
    path = Path(hf_hub_download(TIMM_REPOSITORY, "model.safetensors", local_files_only=True)).resolve()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    monkeypatch.setenv("HEADSTART_OFFLINE", "1")
    with pytest.raises(WeightsError, match="quarantine"):
        load_from_timm()
    with pytest.raises(UnavailableError, match="HEADSTART_OFFLINE"):
        load_from_timm()
    monkeypatch.delenv("HEADSTART_OFFLINE")
    assert load_from_timm() == first


@pytest.mark.parametrize("trouble", ["offline", "500", "429", "silence", "stall"])
def test_what_is_not_here_is_one_line_soon(hub: HubServer, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    if trouble == "offline":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    elif trouble.isdecimal():
        hub.down = int(trouble)
    else:
        hub.faults = [trouble] * 100
        hub.tags = False
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=TIMM_REPOSITORY) as refused:
        open_source(Request.parse(TIMM_NAME))
    assert "\n" not in str(refused.value)
    assert "--random-weights" in str(refused.value)
    assert len(hub.asked) < 20
    assert time.monotonic() - begun < 30


def test_a_killed_download_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    content = bytes(range(256)) * 4000
    with FileServer() as server:
        url, server.faults = server.url("/weights.pth", content), ["stall"]
        part = kept_at(url).with_name(f"{kept_at(url).name}.part")
        code = f"from headstart.backbones.weights.url import fetch_url; fetch_url({url!r})"
        process = subprocess.Popen([sys.executable, "-c", code])
        try:
            until = time.monotonic() + 30
            while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        kept = part.stat().st_size
        assert fetch_url(url).path.read_bytes() == content
        assert server.asked[-1] == ("GET", "/weights.pth", f"bytes={kept}-")
