from pathlib import Path

import pytest

from headstart.core.errors import DataError, UsageError
from headstart.data.columns import Columns
from headstart.data.readers.conll import read_conll, split_of_file
from headstart.data.sentences import Sentence, sentence_of, tags_in

TWO = "EU\tB-ORG\nrejects\tO\n\nGerman\tB-MISC\ncall\tO\n.\tO\n"


def sentences(path: Path) -> list[Sentence]:
    return [sentence_of(item) for item in read_conll(str(path)).items]


def written(folder: Path, text: str, name: str = "data.conll") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder / name


def test_a_file_becomes_sentences_with_tags(tmp_path: Path) -> None:
    table = read_conll(str(written(tmp_path, TWO)))
    assert [item.id for item in table.items] == ["data.conll, line 1", "data.conll, line 4"]
    assert [item.split for item in table.items] == [None, None]
    assert sentences(tmp_path) == [
        Sentence(("EU", "rejects"), ("B-ORG", "O")),
        Sentence(("German", "call", "."), ("B-MISC", "O", "O")),
    ]
    assert tags_in(table.items) == ("O", "B-MISC", "B-ORG")


@pytest.mark.parametrize(
    "text",
    [
        TWO.replace("\t", " "),
        TWO.replace("\n", "\r\n"),
        TWO.replace("\n\n", "\n \t \n\n"),
        TWO.rstrip("\n"),
        "﻿" + TWO,
        "# a comment\n" + TWO.replace("\n\n", "\n\n# sent_id = 2\n"),
    ],
)
def test_how_it_is_written_does_not_matter(tmp_path: Path, text: str) -> None:
    written(tmp_path / "plain", TWO)
    written(tmp_path / "other", text)
    assert sentences(tmp_path / "other") == sentences(tmp_path / "plain")


def test_the_last_of_several_columns_is_the_tag_and_documents_are_groups(tmp_path: Path) -> None:
    rows = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n\nA DT O O\n\n-DOCSTART- -X- -X- O\n\nPeter NNP B-NP B-PER\n"
    table = read_conll(str(written(tmp_path, rows, "eng.testa")))
    assert [sentence_of(item).words for item in table.items] == [("EU",), ("A",), ("Peter",)]
    assert [sentence_of(item).tags for item in table.items] == [("B-ORG",), ("O",), ("B-PER",)]
    assert [item.group for item in table.items] == ["eng.testa, document 1"] * 2 + ["eng.testa, document 2"]


def test_words_that_begin_with_a_hash_are_words(tmp_path: Path) -> None:
    assert sentences(written(tmp_path, "#\tO\n#nfl\tB-x\n")) == [Sentence(("#", "#nfl"), ("O", "B-x"))]


def test_files_of_a_folder_are_splits_and_of_two_the_second_is_the_test_split(tmp_path: Path) -> None:
    for name in ("train.conll", "dev.conll", "test.conll", "README.md", ".hidden.conll"):
        written(tmp_path / "three", TWO, name)
    table = read_conll(str(tmp_path / "three"))
    assert [item.split for item in table.items] == ["validation"] * 2 + ["test"] * 2 + ["train"] * 2
    assert len({item.id for item in table.items}) == 6
    assert {entry.id for entry in table.ledger.ignored} == {"README.md", ".hidden.conll"}
    for name in ("train.conll", "dev.conll"):
        written(tmp_path / "two", TWO, name)
    assert {item.split for item in read_conll(str(tmp_path / "two")).items} == {"train", "test"}


def test_a_sentence_with_a_line_that_lacks_its_tag_is_left_out_and_named(tmp_path: Path) -> None:
    table = read_conll(str(written(tmp_path, TWO + "\nlone\nword\tO\n\nno\t\n\nlast\tO\n")))
    assert [sentence_of(item).words for item in table.items] == [("EU", "rejects"), ("German", "call", "."), ("last",)]
    assert [(entry.id, entry.reason, entry.detail) for entry in table.ledger.excluded] == [
        ("data.conll, line 8", "malformed line", "Expected 2 columns at line 8, the last a tag, but got 1"),
        ("data.conll, line 11", "malformed line", "Expected 2 columns at line 11, the last a tag, but got no tag"),
    ]


def test_what_is_no_such_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is nothing at"):
        read_conll(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="found none"):
        read_conll(str(written(tmp_path, "just\na\nlist\n")))
    (tmp_path / "binary.conll").write_bytes(b"a\tO\n\0\0")
    with pytest.raises(DataError, match="its bytes are not"):
        read_conll(str(tmp_path / "binary.conll"))
    with pytest.raises(UsageError, match="no columns"):
        read_conll(str(written(tmp_path, TWO)), columns=Columns(label="x"))


def test_other_encodings_are_read_and_noted(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_bytes("café\tB-place\n".encode("latin-1"))
    table = read_conll(str(tmp_path / "a.conll"))
    assert sentence_of(table.items[0]).words == ("café",)
    assert table.ledger.notes == ["a.conll is not valid UTF-8 and was read as Latin-1."]
    (tmp_path / "b.conll").write_bytes("café\tB-place\n".encode("utf-16"))
    assert sentences(tmp_path / "b.conll") == [Sentence(("café",), ("B-place",))]


@pytest.mark.parametrize(
    ("name", "split"),
    [("train.txt", "train"), ("eng.testb", "test"), ("test-train.conll", None), ("notes.conll", None)],
)
def test_splits_by_names_of_files(name: str, split: str | None) -> None:
    assert split_of_file(name) == split


def test_wnut17_has_the_sentences_and_entities_that_its_authors_count(real_data: Path) -> None:
    from headstart.metrics.entity_f1 import entities

    table = read_conll(str(real_data / "wnut17"))
    counts = {split: [item for item in table.items if item.split == split] for split in ("train", "validation", "test")}
    assert {split: len(items) for split, items in counts.items()} == {"train": 3394, "validation": 1009, "test": 1287}
    found = {split: sum(len(entities(sentence_of(item).tags)) for item in items) for split, items in counts.items()}
    assert found == {"train": 1975, "validation": 836, "test": 1079}
    assert not table.ledger.excluded
