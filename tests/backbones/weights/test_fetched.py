"""A file and what it is held to."""

import hashlib
from pathlib import Path

from headstart.backbones.card import WeightsFile
from headstart.backbones.weights.fetched import FetchedFile, Pin


def test_the_hash_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    file = FetchedFile.hashed(path, "https://a/weights")
    assert (file.sha256, file.bytes) == (hashlib.sha256(b"abc").hexdigest(), 3)
    assert file.facts() == WeightsFile(file.sha256, 3)


def test_it_agrees_with_a_whole_hash_or_its_beginning_in_any_case() -> None:
    file = FetchedFile(Path("a"), "b", "57ab", 3)
    assert file.disagreement([Pin("57ab", "x"), Pin("57", "y"), Pin("57AB", "z")]) == ""


def test_the_first_disagreement_is_told_with_its_advice() -> None:
    pins = [Pin("57", "x"), Pin("58", "y", "Do this."), Pin("0", "z")]
    told = FetchedFile(Path("a"), "b", "57ab", 3).disagreement(pins)
    assert told == "Expected b to have the sha256 58, as y says, but got 57ab. Do this."
