"""Weights at an address, from a server that breaks in every way."""

import errno
import hashlib
import json
import os
import random
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headstart.backbones.weights import url as url_module
from headstart.backbones.weights.download import Patience
from headstart.backbones.weights.lock_file import lock_file
from headstart.backbones.weights.url import fetch_url, hash_in_name, kept_at
from headstart.core.errors import StorageError, UnavailableError, UsageError, WeightsError

CONTENT = random.Random(0).randbytes(256_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH = f"/weights-{SHA256[:8]}.pth"


@pytest.fixture
def url(server: Any) -> str:
    return server.url(PATH, CONTENT)


def quarantined() -> list[Path]:
    return sorted((lock_file().parent / "weights" / "quarantine").glob("*"))


def leftovers(url: str) -> list[str]:
    """What lies in the folder of weights besides the file, its lock and the quarantine."""
    files = [path for path in kept_at(url).parent.iterdir() if path.is_file()]
    return [path.name for path in files if path.suffix != ".lock" and path != kept_at(url)]


def test_a_file_is_fetched_once_and_hashed_on_every_load(url, server, heard) -> None:
    file = fetch_url(url, progress=heard)
    assert file.path.read_bytes() == CONTENT
    assert (file.origin, file.sha256, file.bytes) == (url, SHA256, len(CONTENT))
    assert file.facts().sha256 == SHA256
    assert file.path.name.endswith(PATH[1:])
    assert (heard.total, heard.done) == (len(CONTENT), len(CONTENT))
    assert leftovers(url) == []
    assert fetch_url(url, sha256=SHA256, sha256_start=SHA256[:8]) == file
    assert server.gets == 1


def test_a_file_with_another_md5_is_refused_and_is_no_first_use(url, server) -> None:
    right = random.Random(1).randbytes(1000)
    md5 = hashlib.md5(right).hexdigest()
    with pytest.raises(WeightsError, match=f"the md5 {md5}, as whoever asks for it says"):
        fetch_url(url, md5=md5)
    assert [path.read_bytes() for path in quarantined()] == [CONTENT]
    assert not lock_file().exists()
    server.url(PATH, right)
    assert fetch_url(url, md5=md5).path.read_bytes() == right


def test_the_first_use_is_written_down_in_a_line_of_its_own(url) -> None:
    fetch_url(url)
    entry = json.loads(lock_file().read_bytes())[url]
    assert (entry["sha256"], entry["bytes"]) == (SHA256, len(CONTENT))
    assert sum(url in line for line in lock_file().read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "fault", ["cut", "stall", "silence", "refuse", "500", "redirect", "416", "chunked", "chunked_cut"]
)
def test_what_passes_is_outlasted(url, server, fault) -> None:
    server.faults = [fault]
    assert fetch_url(url).sha256 == SHA256
    assert leftovers(url) == []


def test_faults_one_after_the_other_are_outlasted_as_long_as_bytes_come(url, server) -> None:
    server.faults = ["cut", "500", "cut", "stall", "refuse", "cut"]
    assert fetch_url(url).sha256 == SHA256


def test_a_download_is_resumed_where_it_broke_off(url, server, heard) -> None:
    server.faults = ["cut"]
    fetch_url(url, progress=heard)
    assert [wanted for _, _, wanted in server.asked] == [None, f"bytes={len(CONTENT) // 2}-"]
    assert heard.done == len(CONTENT)


def test_a_later_process_resumes_what_an_earlier_one_left(url, server, monkeypatch) -> None:
    monkeypatch.setattr(url_module, "PATIENCE", Patience(silence=0.3, attempts=1, wait=0.01))
    server.faults = ["cut", "500"]
    with pytest.raises(UnavailableError, match=f"{len(CONTENT) // 2:,} bytes of it are kept"):
        fetch_url(url)
    assert not kept_at(url).exists()
    assert fetch_url(url).sha256 == SHA256
    assert server.asked[-1][2] == f"bytes={len(CONTENT) // 2}-"


def test_a_part_that_was_whole_when_the_process_died_is_not_fetched_again(url, server) -> None:
    part = kept_at(url).with_name(f"{kept_at(url).name}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    part.with_name(f"{part.name}.json").write_text(json.dumps({"version": '"version-1"', "total": len(CONTENT)}))
    assert fetch_url(url).sha256 == SHA256
    assert server.asked == []


def test_a_part_whose_note_is_damaged_is_begun_anew(url, server) -> None:
    server.faults = ["cut", "403"]
    with pytest.raises(UnavailableError, match="403"):
        fetch_url(url)
    note = next(path for path in kept_at(url).parent.iterdir() if path.suffix == ".json")
    note.write_text("{")
    assert fetch_url(url).sha256 == SHA256
    assert server.asked[-1][2] is None


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(url, server) -> None:
    server.faults = ["cut", "403"]
    with pytest.raises(UnavailableError):
        fetch_url(url)
    server.version = "2"
    server.files[PATH] = CONTENT[::-1]
    assert fetch_url(url).path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("fault", ["whole", "other_range", "416"])
def test_a_server_that_cannot_resume_gives_the_whole(url, server, fault) -> None:
    server.faults = ["cut", fault]
    assert fetch_url(url).sha256 == SHA256


def test_without_a_version_nothing_is_resumed(url, server) -> None:
    server.tags = False
    server.faults = ["cut"]
    assert fetch_url(url).sha256 == SHA256
    assert [wanted for _, _, wanted in server.asked] == [None, None]


def test_a_length_that_nobody_says_needs_a_hash(url, server) -> None:
    server.faults = ["no_length"]
    with pytest.raises(UnavailableError, match="cut short"):
        fetch_url(url)
    server.faults = ["no_length"]
    assert fetch_url(url, sha256_start=SHA256[:8]).sha256 == SHA256


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("page", "web page"), ("compressed", "compressed"), ("redirect_to_a_file", "as safe"), ("403", "403")],
)
def test_what_does_not_pass_is_said_at_once(url, server, fault, reason) -> None:
    server.faults = [fault]
    with pytest.raises(UnavailableError, match=reason):
        fetch_url(url)
    assert server.gets == 1
    assert not lock_file().exists()


@pytest.mark.parametrize("fault", ["silence", "500", "refuse", "drip"])
def test_attempts_that_bring_nothing_are_few(url, server, fault) -> None:
    server.faults = [fault] * 50
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="Expected to fetch"):
        fetch_url(url)
    assert server.gets <= 15
    assert time.monotonic() - begun < 8


def test_a_server_that_brings_little_each_time_is_left_in_the_end(url, server) -> None:
    server.faults = ["cut"] * 100
    with pytest.raises(UnavailableError, match="broke off"):
        fetch_url(url)
    assert server.gets == 15


def test_an_empty_file_is_none(server) -> None:
    with pytest.raises(UnavailableError, match="empty"):
        fetch_url(server.url("/empty.pth", b""))


def test_no_server_is_one_line() -> None:
    with pytest.raises(UnavailableError, match="out of reach") as refused:
        fetch_url("http://127.0.0.1:9/weights.pth")
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_asked_for_once(server) -> None:
    with pytest.raises(UnavailableError, match="404"):
        fetch_url(f"{server.address}/no.pth")
    assert server.gets == 1


@pytest.mark.parametrize("pin", [{"sha256": SHA256}, {"sha256_start": SHA256[:8]}])
def test_a_flipped_byte_is_named_and_quarantined(url, server, pin) -> None:
    server.faults = ["flip"]
    with pytest.raises(WeightsError, match=f"{next(iter(pin.values()))}.*quarantine") as refused:
        fetch_url(url, **pin)
    [aside] = quarantined()
    assert hashlib.sha256(aside.read_bytes()).hexdigest() in str(refused.value)
    assert not kept_at(url).exists()
    assert not lock_file().exists()
    assert fetch_url(url, **pin).sha256 == SHA256


def test_another_file_than_at_the_first_use_is_refused_until_its_line_is_removed(url, server) -> None:
    fetch_url(url).path.unlink()
    server.files[PATH] = CONTENT[::-1]
    new = hashlib.sha256(CONTENT[::-1]).hexdigest()
    for _ in range(2):
        with pytest.raises(WeightsError, match=SHA256) as refused:
            fetch_url(url)
        assert new in str(refused.value)
        assert f'remove the line "{url}" from {lock_file()}' in str(refused.value)
    lock_file().write_text("".join(line for line in lock_file().open() if url not in line))
    assert fetch_url(url).sha256 == new


def test_a_kept_file_that_was_damaged_is_moved_aside_and_fetched_again(url, server, heard) -> None:
    path = fetch_url(url).path
    path.write_bytes(CONTENT[:-1])
    assert fetch_url(url, progress=heard).path.read_bytes() == CONTENT
    assert [aside.read_bytes() for aside in quarantined()] == [CONTENT[:-1]]
    assert str(quarantined()[0]) in heard.said


@pytest.mark.parametrize("switch", ["HEADSTART_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nobody_is_asked(url, server, monkeypatch, switch) -> None:
    monkeypatch.setenv(switch, "1")
    with pytest.raises(UnavailableError, match=switch):
        fetch_url(url)
    monkeypatch.delenv(switch)
    file = fetch_url(url)
    monkeypatch.setenv(switch, "1")
    assert fetch_url(url) == file
    file.path.write_bytes(CONTENT[1:])
    with pytest.raises(UnavailableError, match=f"{SHA256}.*quarantine"):
        fetch_url(url)
    assert server.gets == 1


def test_what_another_tool_keeps_is_used_in_place_where_its_hash_agrees(url, server, tmp_path) -> None:
    right, wrong = tmp_path / "right.pth", tmp_path / "wrong.pth"
    right.write_bytes(CONTENT)
    wrong.write_bytes(CONTENT[:-1])
    assert fetch_url(url, sha256_start=SHA256[:8], kept_elsewhere=[wrong, right]).path == right
    assert server.asked == []
    assert wrong.read_bytes() == CONTENT[:-1]


def test_what_another_tool_keeps_is_not_taken_on_trust(url, server, tmp_path) -> None:
    (tmp_path / "unknown.pth").write_bytes(b"anything")
    assert fetch_url(url, kept_elsewhere=[tmp_path / "unknown.pth"]).sha256 == SHA256
    assert server.gets == 1


def test_two_at_a_time_fetch_once(url, server) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(fetch_url(url).sha256)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [SHA256] * 3
    assert server.gets == 1


def test_a_disk_without_room_is_named_with_the_bytes_before_they_are_fetched(url, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match=f"{len(CONTENT):,} bytes.*1,000 left"):
        fetch_url(url)


def test_files_of_the_same_name_at_two_addresses_are_two(server) -> None:
    first, second = (fetch_url(server.url(f"/{folder}/a.pth", folder.encode())) for folder in ("one", "two"))
    assert (first.path.read_bytes(), second.path.read_bytes()) == (b"one", b"two")


@pytest.mark.parametrize(
    "wrong", ["weights.pth", "file:///etc/passwd", "https://", "ftp://a/b", "https://me:no@a/b", "http://ä/b"]
)
def test_what_is_no_address_is_refused(wrong) -> None:
    with pytest.raises(UsageError, match="https://example"):
        fetch_url(wrong)


def test_a_file_name_cannot_leave_the_folder() -> None:
    assert kept_at("https://a/b/..%2F..%2Fetc%2Fpasswd").parent == lock_file().parent / "weights"
    assert "/" not in kept_at("https://a/%2e%2e%2f%2e%2e").name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/swin_t-704ceda3.pth", "704ceda3"),
        (f"https://a/efficientnet-lite0-{SHA256}.pth?download=1", SHA256),
        ("https://a/resnet-small.pth", ""),
        ("https://a/IN1K-vit.h.14-300e.pth.tar", ""),
    ],
)
def test_hashes_in_names_are_found(url, expected) -> None:
    assert hash_in_name(url) == expected


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_is_named_with_the_bytes_and_what_is_kept_stays(url, server, monkeypatch, code) -> None:
    kept = fetch_url(server.url("/other.pth", b"other"))

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError, match="Expected"):
            fetch_url(url)
    assert not kept_at(url).exists()
    assert fetch_url(kept.origin) == kept
    assert fetch_url(url).sha256 == SHA256
