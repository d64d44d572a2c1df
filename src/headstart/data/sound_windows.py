"""Long recordings as windows of ten seconds: one file, several items, all of them in one group.

Only headers are read here, and of a window only its own samples are decoded: ten hours take no more memory than ten
seconds.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.data.items import BytesSource, FileSource, Item, ItemTable, Ledger, UnreadableError
from headstart.data.sounds import MOST_SECONDS, open_stream, opened, read_header, read_mixed

#: A rest of fewer seconds does not become a window.
LEAST_REST = 2

#: A recording becomes at most so many windows, one hour; of a longer one they are evenly spaced.
MOST_WINDOWS = 360

_READERS = 8
_FLOAT_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class WindowSource:
    """A part of a longer recording.

    Attributes:
        recording: A file, or encoded bytes.
        start: Where it begins, in seconds.
        stop: Where it ends, in seconds; where the recording ends before, it ends there.
    """

    recording: Path | bytes
    start: int
    stop: int

    def read(self) -> bytes:
        """That part alone, mixed to one channel, as a WAV file of floats.

        Raises:
            UnreadableError: The recording cannot be decoded there.
            OSError: The file cannot be opened.
        """
        with open_stream(self.recording) as stream, opened(stream) as (sound, header):
            samples = read_mixed(sound, self.start * header.rate, min(self.stop * header.rate, header.frames))
            return float_wav(samples, header.rate)


def expand(table: ItemTable) -> ItemTable:
    """The table with windows in the place of every recording that is longer than ten seconds.

    A rest of less than two seconds is left out. All windows of a recording are one group. What cannot be read stays,
    as a source that says why when it is read; it is never read as a whole.

    Args:
        table: The items; its ledger hears of what was divided and what was left out.
    """
    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        parts = list(pool.map(_parts, table.items))
    _note(table.ledger, table.items, parts)
    return table.with_items(chain.from_iterable(items for items, _ in parts))


def window_count(seconds: float) -> int:
    """How many windows follow each other in a recording, at least one; a rest of less than two seconds is none."""
    whole, rest = divmod(seconds, MOST_SECONDS)
    return max(1, int(whole) + (rest >= LEAST_REST))


def windows(seconds: float) -> list[tuple[int, int]]:
    """Where the windows of a recording begin and end, in seconds; :data:`MOST_WINDOWS` at most, evenly spaced.

    Example:
        >>> windows(23.5), windows(21.9)
        ([(0, 10), (10, 20), (20, 24)], [(0, 10), (10, 20)])
    """
    count = window_count(seconds)
    places = np.linspace(0, count - 1, min(count, MOST_WINDOWS)).round().astype(int).tolist()
    return [(place * MOST_SECONDS, min((place + 1) * MOST_SECONDS, math.ceil(seconds))) for place in places]


def float_wav(samples: NDArray[np.float32], rate: int) -> bytes:
    """A WAV file of 32-bit floats, one channel: the samples bit for bit."""
    return wav_file(samples.astype("<f4").tobytes(), rate, kind=_FLOAT_SAMPLES, bits=32)


def wav_file(samples: bytes, rate: int, *, kind: int, bits: int) -> bytes:
    """A WAV file of one channel.

    Args:
        samples: Encoded, little-endian.
        rate: Samples per second.
        kind: 1 for integers, 3 for floats.
        bits: Of one sample.
    """
    size = bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, 1, rate, rate * size, size, bits)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def _parts(item: Item) -> tuple[list[Item], int]:
    """The items that an item becomes, and how many windows there are in it."""
    if isinstance(item.source, FileSource):
        recording: Path | bytes = item.source.path
    elif isinstance(item.source, BytesSource):
        recording = item.source.content
    else:
        return [item], 1
    try:
        header = read_header(recording)
    except (UnreadableError, OSError):
        return [replace(item, source=WindowSource(recording, 0, MOST_SECONDS))], 1
    seconds = header.frames / header.rate
    if window_count(seconds) == 1:
        return [item], 1
    return [_window(item, recording, start, stop) for start, stop in windows(seconds)], window_count(seconds)


def _window(item: Item, recording: Path | bytes, start: int, stop: int) -> Item:
    source = WindowSource(recording, start, stop)
    return replace(item, id=f"{item.id} [{start}:{stop} s]", source=source, group=item.group or item.id)


def _note(ledger: Ledger, items: Sequence[Item], parts: Sequence[tuple[list[Item], int]]) -> None:
    divided = [len(windows) for windows, _ in parts if len(windows) > 1]
    if divided:
        recordings = f"{len(divided)} recordings are" if len(divided) > 1 else "One recording is"
        ledger.notes.append(
            f"{recordings} longer than {MOST_SECONDS} seconds and became {sum(divided)} windows; those of one "
            "recording stay in one split."
        )
    for item, (windows, there) in zip(items, parts, strict=True):
        if there > len(windows):
            ledger.notes.append(f"Of {item.id}, {len(windows)} of {there} windows are used, evenly spaced.")
