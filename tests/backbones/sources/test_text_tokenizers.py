"""Tokenizers of repositories: their own file, one made out of a vocabulary, llama2.c's."""

import shutil
from pathlib import Path

import pytest
from tests.backbones.small_texts import tokenizer
from tokenizers import Tokenizer

from headstart.backbones.sources.hf_repository import Repository
from headstart.backbones.sources.text_tokenizers import tokenizer_of
from headstart.core.errors import UnavailableError, WeightsError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "film", "##s"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model without a tokenizer."""
    made = tmp_path / "above" / "model"
    made.mkdir(parents=True)
    (made / "config.json").write_text('{"model_type": "bert"}')
    return made


def repository(folder: Path) -> Repository:
    return Repository.parse(str(folder))


def test_the_repositorys_own_file_is_taken_as_it_is(folder: Path) -> None:
    tokenizer().save(str(folder / "tokenizer.json"))
    found = tokenizer_of(repository(folder), 84)
    assert found.content == (folder / "tokenizer.json").read_bytes()
    assert found.notes == ()


def test_out_of_a_vocabulary_transformers_makes_one(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    found = tokenizer_of(repository(folder), 30)
    assert "vocab.txt" in found.notes[0]
    encoding = Tokenizer.from_str(found.content.decode()).encode("Good films", "good")
    assert [WORDS[token] for token in encoding.ids] == ["[CLS]", "good", "film", "##s", "[SEP]", "good", "[SEP]"]
    assert encoding.type_ids == [0] * 5 + [1] * 2


def test_a_tokenizer_that_makes_tokens_beyond_the_model_is_refused(folder: Path) -> None:
    tokenizer().save(str(folder / "tokenizer.json"))
    with pytest.raises(WeightsError, match="below 83, which its model knows, but it makes 83"):
        tokenizer_of(repository(folder), 83)


@pytest.mark.parametrize(("file", "content"), [("tokenizer.json", "{}"), ("tokenizer.json", "[")])
def test_a_broken_tokenizer_is_told(file: str, content: str, folder: Path) -> None:
    (folder / file).write_text(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        tokenizer_of(repository(folder), 90)


def test_a_vocabulary_that_transformers_cannot_read_is_told(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "t5"}')
    (folder / "spiece.model").write_bytes(b"nothing of the kind")
    with pytest.raises(UnavailableError, match=r"out of spiece\.model .*could not"):
        tokenizer_of(repository(folder), 90)


def test_where_there_is_none_all_that_was_looked_for_is_named(folder: Path) -> None:
    with pytest.raises(UnavailableError, match=r"none of tokenizer\.json, vocab\.txt, .*save_pretrained"):
        tokenizer_of(repository(folder), 90)


@pytest.mark.data
@pytest.mark.parametrize("place", [".", ".."])
def test_a_tokenizer_of_llama2c_lies_in_the_folder_or_beside_it(place: str, real_data: Path, folder: Path) -> None:
    shutil.copy(real_data.parent / "weights" / "stories260k" / "tok512.bin", folder / place / "tok512.bin")
    found = tokenizer_of(repository(folder), 512)
    assert found.notes == ("its tokenizer converted from llama2.c's tok512.bin",)
    assert Tokenizer.from_str(found.content.decode()).encode("Once upon a time").ids[:2] == [1, 403]
