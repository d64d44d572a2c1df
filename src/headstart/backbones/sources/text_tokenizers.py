"""The tokenizer of a repository of transformers, as a file of the tokenizers library."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headstart.backbones.sources.hf_repository import CONFIG, Repository
from headstart.backbones.text_preprocess import TOKENIZER
from headstart.core.errors import UnavailableError, WeightsError

#: Out of these transformers makes a tokenizer where there is no ``tokenizer.json``.
_VOCABULARIES = (
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_BESIDE = ("merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json")

#: All that is read.
TOKENIZER_FILES = (TOKENIZER, *_VOCABULARIES, *_BESIDE)


@dataclass(frozen=True, slots=True)
class FoundTokenizer:
    """A tokenizer.

    Attributes:
        content: Of a ``tokenizer.json``.
        notes: Where it came from, in words, where that is not the repository's own file.
    """

    content: bytes
    notes: tuple[str, ...] = ()


def tokenizer_of(repository: Repository, vocabulary: int) -> FoundTokenizer:
    """The repository's ``tokenizer.json``, or one that is made out of its vocabulary.

    Of a folder without either, a tokenizer of llama2.c is taken that lies in it or beside it.

    Args:
        repository: Where the model is.
        vocabulary: How many tokens the model knows.

    Raises:
        UnavailableError: There is none, or it cannot be converted.
        WeightsError: It is broken, or makes tokens that the model does not know.
    """
    repository.json("tokenizer_config.json")  # refuses code from the repository
    path = repository.file(TOKENIZER)
    found = FoundTokenizer(path.read_bytes()) if path else _converted(repository) or _of_llama2c(repository)
    if found is None:
        raise UnavailableError(
            f"Expected a tokenizer in hf:{repository.name}, but it has none of {TOKENIZER}, "
            f"{', '.join(_VOCABULARIES)}; save it there with save_pretrained."
        )
    _check(repository, found.content, vocabulary)
    return found


def _check(repository: Repository, content: bytes, vocabulary: int) -> None:
    from tokenizers import Tokenizer

    try:
        greatest = max(Tokenizer.from_str(content.decode()).get_vocab(with_added_tokens=True).values(), default=0)
    except Exception as error:  # the library raises nothing narrower
        raise WeightsError(f"Expected a tokenizer in hf:{repository.name}, but it cannot be read: {error}.") from error
    if greatest >= vocabulary:
        raise WeightsError(
            f"Expected the tokenizer of hf:{repository.name} to make tokens below {vocabulary:,}, which its model "
            f"knows, but it makes {greatest:,}."
        )


def _converted(repository: Repository) -> FoundTokenizer | None:
    """What transformers makes of a vocabulary; it gets copies of the files that it may read and no others."""
    named = next((name for name in _VOCABULARIES if repository.file(name)), None)
    if named is None:
        return None
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as folder:
        for name in (CONFIG, *_VOCABULARIES, *_BESIDE):
            if path := repository.file(name):
                shutil.copyfile(path, Path(folder) / name)
        try:
            made = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False, local_files_only=True)
            content = made.backend_tokenizer.to_str().encode()
        except Exception as error:  # whatever the library makes of a vocabulary, or a package that it lacks
            reason = str(error).strip().partition("\n")[0][:200]
            raise UnavailableError(
                f"Expected transformers to make {TOKENIZER} out of {named} in hf:{repository.name}, but it could not: "
                f"{type(error).__name__} ({reason}). Save the tokenizer there with save_pretrained."
            ) from error
    return FoundTokenizer(content, (f"its tokenizer converted from {named} by transformers",))


def _of_llama2c(repository: Repository) -> FoundTokenizer | None:
    """``tokenizer.bin`` or ``tok*.bin`` in the folder, else in the one above: the only one there."""
    from headstart.backbones.llama2c_tokenizer import tokenizer_json

    for folder in (repository.folder, repository.folder.resolve().parent) if repository.folder else ():
        files = sorted({*folder.glob("tokenizer.bin"), *folder.glob("tok*.bin")})
        if len(files) == 1:
            content = tokenizer_json(files[0].read_bytes())
            return FoundTokenizer(content, (f"its tokenizer converted from llama2.c's {files[0].name}",))
    return None
