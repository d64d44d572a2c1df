import hashlib

import numpy as np

from headstart.data.items import (
    ArraySource,
    BytesSource,
    Exclusion,
    FileSource,
    Item,
    ItemTable,
    Ledger,
    UnreadableError,
    content_digest,
    sort_class_names,
)


def test_sources_read_and_identify_their_content(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    expected = hashlib.sha256(b"content").hexdigest()

    assert FileSource(tmp_path / "a").read() == BytesSource(b"content").read() == b"content"
    assert (
        content_digest(FileSource(tmp_path / "a").read()) == content_digest(BytesSource(b"content").read()) == expected
    )
    array = np.arange(6, dtype=np.uint8)
    assert content_digest(ArraySource(array.reshape(2, 3)).read()) != content_digest(
        ArraySource(array.reshape(3, 2)).read()
    )


def test_classes_in_reading_order():
    assert sort_class_names({"10", "9", "0"}) == ("0", "9", "10")
    assert sort_class_names({"b", "10", "9"}) == ("10", "9", "b")
    items = tuple(Item(str(n), BytesSource(b""), label) for n, label in enumerate(["b", None, "a", "b"]))
    assert ItemTable("t", "t", items, Ledger()).classes == ("a", "b")


def test_ledger_counts_by_reason():
    ledger = Ledger(excluded=[Exclusion("x", "unreadable"), Exclusion("y", "duplicate"), Exclusion("z", "unreadable")])

    assert ledger.counts() == {"unreadable": 2, "duplicate": 1}


def test_unreadable_says_its_kind():
    error = UnreadableError("truncated", "it ends early")

    assert (error.kind, str(error)) == ("truncated", "truncated: it ends early")
