r"""Texts: the one rule by which bytes become text, in training, in serving and in every export.

1. A byte-order mark decides between UTF-8, UTF-16 and UTF-32. Without one the bytes are UTF-8; where they cannot be,
   they are Latin-1, and that is noted.
2. What holds a zero character, or none but white space, is refused, and so are more than ten million characters.
3. Line ends become ``"\n"``; nothing else is changed: what a backbone's tokenizer makes of case, accents and spaces is
   its own affair.
4. A pair of texts is one content: both, joined by :data:`SEPARATOR`. Further separators are spaces.
5. Two texts are equal where they are after Unicode normalisation (form NFC) without white space at both ends.
"""

from __future__ import annotations

import codecs
import hashlib
import unicodedata
from dataclasses import dataclass

from headstart.data.items import Content, UnreadableError

#: Between the two texts of a pair: the record separator of ASCII.
SEPARATOR = "\x1e"

#: Endings of the files that count as texts when a folder is looked through.
SUFFIXES = frozenset({".txt"})

#: A text with more characters than this is refused.
MOST_CHARACTERS = 10_000_000

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN_1_NOTE = "not valid UTF-8, read as Latin-1"


@dataclass(frozen=True, slots=True)
class Text:
    """A text, or a pair of them.

    Attributes:
        parts: One text or two.
        notes: What deserves a word although the text is used.
    """

    parts: tuple[str] | tuple[str, str]
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        """All of it; the texts of a pair on lines of their own."""
        return "\n".join(self.parts)


def text_content(first: str, second: str | None = None) -> bytes:
    r"""The content of an item that is a text, or a pair of them; half a character (a lone surrogate) becomes ``"?"``.

    Example:
        >>> text_content("It rains.", "It is wet.")
        b'It rains.\x1eIt is wet.'
    """
    parts = [part.replace(SEPARATOR, " ") for part in (first, second) if part is not None]
    return SEPARATOR.join(parts).encode("utf-8", "replace")


def encoding_of(start: bytes) -> str | None:
    """The encoding that a byte-order mark announces; ``None`` where there is no mark.

    Args:
        start: The first four bytes or more.
    """
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)


def decode(content: Content) -> Text:
    """Content to text, by the rule above.

    Raises:
        UnreadableError: It is no text, empty, or too long.
    """
    if not isinstance(content, bytes):
        raise UnreadableError("not a text", f"it holds numbers of shape {content.shape}")
    if len(content) > 4 * MOST_CHARACTERS:
        raise UnreadableError("too long", f"{len(content):,} bytes")
    text, notes = _characters(content)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise UnreadableError("not a text", "it holds zero characters; it may be another kind of file")
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError("too long", f"{len(text):,} characters")
    first, separator, second = text.partition(SEPARATOR)
    parts = (first, second.replace(SEPARATOR, " ")) if separator else (first,)
    if not all(part.strip() for part in parts):
        raise UnreadableError("empty", "there is nothing but white space")
    return Text(parts, notes)


def _characters(content: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return content.decode(encoding_of(content[:4]) or "utf-8"), ()
    except UnicodeDecodeError as error:
        if encoding_of(content[:4]):
            raise UnreadableError("broken", f"its first bytes announce {error.encoding}, but {error.reason}") from error
    return content.decode("latin-1"), (_LATIN_1_NOTE,)


def text_digest(text: Text) -> str:
    """SHA-256 of a text as it is compared: the same for two texts exactly where they are equal."""
    compared = SEPARATOR.join(unicodedata.normalize("NFC", part).strip() for part in text.parts)
    return hashlib.sha256(compared.encode()).hexdigest()
