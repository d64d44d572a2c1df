"""Opening a file of text whose encoding nobody has told."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from headstart.core.errors import DataError
from headstart.data.items import Ledger
from headstart.data.texts import encoding_of

_CHUNK = 1 << 20


def open_text(path: Path, ledger: Ledger, *, newline: str | None = None) -> TextIO:
    """Opens a file as text: by its byte-order mark, else as UTF-8, else as Latin-1, which is noted.

    The file is decoded once to find out, in pieces, and again as it is read.

    Args:
        path: The file.
        ledger: Takes the note.
        newline: As for :func:`open`.

    Raises:
        DataError: It is not text, or not in the encoding that it announces.
    """
    with path.open("rb") as stream:
        start = stream.read(4096)
    announced = encoding_of(start)
    if announced is None and b"\0" in start:
        raise DataError(f"Expected {path} to be text, but its bytes are not; it may be another kind of file.")
    encoding = announced or "utf-8"
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if announced:
            raise DataError(f"Expected {path} to be {encoding}, as its first bytes announce, but {error}.") from error
        ledger.notes.append(f"{path.name} is not valid UTF-8 and was read as Latin-1.")
        encoding = "latin-1"
    return path.open(encoding=encoding, newline=newline)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
