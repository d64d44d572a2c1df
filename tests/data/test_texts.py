import unicodedata

import numpy as np
import pytest

from headstart.data import texts
from headstart.data.items import UnreadableError
from headstart.data.texts import Text, decode, encoding_of, text_content, text_digest


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_byte_order_marks_decide(encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""

    assert decode((mark + "Grüße, 世界").encode(encoding)) == Text(("Grüße, 世界",))


def test_what_cannot_be_utf_8_is_latin_1_and_noted():
    assert decode("Löwe".encode("latin-1")) == Text(("Löwe",), ("not valid UTF-8, read as Latin-1",))


def test_line_ends_are_unified_and_nothing_else_is_changed():
    assert decode(b"  One\r\ntwo\rTHREE\tfour ").parts == ("  One\ntwo\nTHREE\tfour ",)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"premise\x1e ", "empty"),
        (b"%PDF\0\0", "not a text"),
        (np.zeros(3, dtype=np.uint8), "not a text"),
        (b"\xff\xfea", "broken"),
    ],
)
def test_what_is_no_text_is_refused(content, kind):
    with pytest.raises(UnreadableError) as raised:
        decode(content)
    assert raised.value.kind == kind


@pytest.mark.parametrize("length", [11, 41])
def test_what_is_too_long_is_refused(monkeypatch, length):
    monkeypatch.setattr(texts, "MOST_CHARACTERS", 10)
    assert decode(b"x" * 10).parts == ("x" * 10,)
    with pytest.raises(UnreadableError, match="too long"):
        decode(b"x" * length)


def test_pairs_are_one_content_with_one_separator():
    assert decode(text_content("a\x1eb", "c\x1ed")).parts == ("a b", "c d")
    assert decode(b"a\x1eb\x1ec").parts == ("a", "b c")
    assert decode(text_content("a", "b")).whole == "a\nb"


def test_lone_surrogates_do_not_stop_a_table():
    assert decode(text_content("broken \ud83d emoji")) == Text(("broken ? emoji",))


def test_equal_means_equal_after_normalisation_and_stripping():
    composed = decode("  Café\r\n".encode())
    decomposed = decode(unicodedata.normalize("NFD", "Café").encode())

    assert composed != decomposed
    assert text_digest(composed) == text_digest(decomposed)
    assert text_digest(decode(b"cafe")) != text_digest(decode(b"Cafe"))
    assert text_digest(Text(("a", "b"))) != text_digest(Text(("a b",)))


def test_an_encoding_needs_a_mark():
    assert encoding_of(b"abcd") is None
    assert encoding_of("a".encode("utf-32")) == "utf-32"
