"""Fault 6: zero-byte, truncated or wrong-format pictures are refused by name; labels stay with their files."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.data.images import decode
from headstart.data.items import UnreadableError
from headstart.data.readers.reading import read_data
from headstart.modalities.image import IMAGE


def encoded(kind: str, seed: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_truncated_anywhere_is_refused(kind):
    content = encoded(kind)
    for share in (0.01, 0.1, 0.5, 0.9):
        with pytest.raises(UnreadableError) as caught:
            decode(content[: int(len(content) * share)])
        assert caught.value.kind in {"truncated or broken", "not an image"}
        with pytest.raises(UnreadableError):
            decode(content[: int(len(content) * share)], enough=4)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", "empty file", "no bytes"),
        (b"hello, I am a text", "not an image", "hello, I"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "unsupported format", "HEIC; convert it"),
        (b"\0\0\0\x18ftypavif" + bytes(40), "unsupported format", "AVIF"),
        (b"%PDF-1.7 ...", "unsupported format", "PDF"),
        (b"<!DOCTYPE html><html>404", "unsupported format", "a web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "truncated or broken", "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "truncated or broken", "JPEG"),
        (b"II*\0" + b"\xff" * 30, "truncated or broken", "TIFF"),
    ],
)
def test_every_kind_of_wrong_content_is_named(content, kind, message):
    with pytest.raises(UnreadableError, match=message) as caught:
        decode(content)
    assert caught.value.kind == kind


def test_random_damage_never_escapes_as_another_error():
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        original = np.frombuffer(encoded(kind), np.uint8)
        for _ in range(40):
            damaged = original.copy()
            damaged[random.integers(0, len(damaged), 5)] = random.integers(0, 256, 5)
            with contextlib.suppress(UnreadableError):
                assert decode(damaged.tobytes()).pixels.ndim == 3


def test_labels_stay_with_their_files_around_broken_ones(tmp_path: Path):
    for split in ("train", "val", "test"):
        for label, place in (("ant", 0), ("bee", 1)):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            (folder / "0_empty.jpg").write_bytes(b"")
            (folder / "1_good.png").write_bytes(encoded("PNG", seed=place))
            (folder / "2_cut.jpg").write_bytes(encoded("JPEG")[:400])

    readable = {}
    for item in read_data(tmp_path, wanted=IMAGE).items:
        try:
            readable[item.id] = (item.label, decode(item.source.read()).pixels)
        except UnreadableError:
            assert "good" not in item.id

    assert len(readable) == 6
    for name, (label, pixels) in readable.items():
        expected = decode(encoded("PNG", seed=["ant", "bee"].index(label))).pixels
        assert f"/{label}/" in name
        assert np.array_equal(pixels, expected)
