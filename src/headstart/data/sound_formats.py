"""Which sound format some bytes are, and whether the file ends before what its header declares."""

from __future__ import annotations

import io
from typing import IO

from headstart.data.items import UnreadableError

#: Format to the endings of its files.
ENDINGS = {
    "WAV": frozenset({".wav", ".wave"}),
    "AIFF": frozenset({".aif", ".aiff", ".aifc"}),
    "FLAC": frozenset({".flac"}),
    "Ogg": frozenset({".ogg", ".oga", ".opus"}),
    "MP3": frozenset({".mp3"}),
}
_MAGIC = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3"}
_CHUNKED = {b"RIFFWAVE": "WAV", b"RF64WAVE": "WAV", b"FORMAIFF": "AIFF", b"FORMAIFC": "AIFF"}
_UNSUPPORTED = {
    b"\x30\x26\xb2\x75": "Windows Media",
    b"#!AMR": "AMR",
    b".snd": "AU",
    b"MThd": "MIDI, which holds notes",
    b"riff": "Wave64",
    b"wvpk": "WavPack",
    b"MAC ": "Monkey's Audio",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "gzip",
    b"<!DOCTYPE html": "a web page",
    b"<html": "a web page",
}
_LAYER_III = 0x02
#: Lengths that programs write who do not know yet how long a sound will be.
_UNDECLARED = frozenset({0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF})
#: So many missing bytes are forgiven: some programs count the header among the samples.
_FORGIVEN = 64
_MOST_CHUNKS = 10_000
_LARGEST_PAGE = 65_307
_END_OF_STREAM = 0x04


def format_of(start: bytes) -> str | None:
    """The format by the first bytes, 12 of them or more; ``None`` where no supported one begins so."""
    if found := _CHUNKED.get(start[:4] + start[8:12]):
        return found
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0 and start[1] & 0x06 == _LAYER_III:
        return "MP3"
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


def why_no_format(start: bytes) -> UnreadableError:
    """The error for bytes that :func:`format_of` does not know."""
    if not start:
        return UnreadableError("empty file", "the file has no bytes")
    found = next((name for magic, name in _UNSUPPORTED.items() if start.startswith(magic)), None)
    if start[4:8] == b"ftyp":
        found = "MP4 (AAC)"
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0:  # ADTS
        found = "AAC"
    if found:
        return UnreadableError("unsupported format", f"the bytes are {found}; convert it to WAV or FLAC")
    return UnreadableError("not a sound", f"the bytes begin with {start[:8]!r}, which no supported format does")


def why_truncated(stream: IO[bytes], kind: str) -> str:
    """What is missing at the end of a file; empty where nothing is, and where the format does not say.

    FLAC is left to its decoder, which notices.
    """
    if kind in {"WAV", "AIFF"}:
        return _missing_samples(stream, "little" if kind == "WAV" else "big")
    return _missing_last_page(stream) if kind == "Ogg" else ""


def _missing_samples(stream: IO[bytes], order: str) -> str:
    """Walks the chunks of a RIFF or an AIFF file up to the one that holds the samples."""
    length, place = stream.seek(0, io.SEEK_END), 12
    for _ in range(_MOST_CHUNKS):
        stream.seek(place)
        head = stream.read(8)
        if len(head) < 8:
            return ""  # libsndfile says what it misses
        declared = int.from_bytes(head[4:], order)  # type: ignore[arg-type]
        there = length - place - 8
        if head[:4] in {b"data", b"SSND"}:
            short = declared > there + _FORGIVEN and declared not in _UNDECLARED
            return f"{there:,} of {declared:,} bytes of samples are there" if short else ""
        place += 8 + declared + declared % 2
    return ""


def _missing_last_page(stream: IO[bytes]) -> str:
    """Looks for the last page of an Ogg file, whose flag says that it is the last."""
    length = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, length - 2 * _LARGEST_PAGE))
    end = stream.read()
    place = end.rfind(b"OggS")
    page = end[place:] if place >= 0 else b""
    if len(page) < 27 or not page[5] & _END_OF_STREAM:
        return "the last page is missing"
    segments = page[27 : 27 + page[26]]
    complete = len(segments) == page[26] and len(page) >= 27 + len(segments) + sum(segments)
    return "" if complete else "the last page ends early"
