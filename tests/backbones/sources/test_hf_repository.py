"""Folders and repositories, and the metadata of their model cards."""

from pathlib import Path

import pytest

from headstart.backbones.licences import OWN_WORDS, OWNERS, is_permissive
from headstart.backbones.sources.hf_repository import Repository
from headstart.core.errors import UnavailableError, UsageError, WeightsError


def repository(folder: Path, card: str = "") -> Repository:
    if card:
        (folder / "README.md").write_text(card)
    return Repository.parse(str(folder))


@pytest.mark.parametrize(
    ("card", "licence", "datasets"),
    [
        ("---\nlicense: apache-2.0\ntags:\n- vision\n---\n", "apache-2.0", []),
        ('---\ntags: [vision]\nlicense: "mit"  # ours\ndatasets:\n- imagenet-1k\n  - own/data\n---\n', "mit",
         ["imagenet-1k", "own/data"]),
        ("---\nlicense: other\nlicense_name: house-rules\n---\n", "house-rules", []),
        ("---\nlicense: other\n---\n", "other", []),
        ("---\nlicense:\n- apache-2.0\n- cc-by-nc-4.0\n---\n", "cc-by-nc-4.0", []),
        ("---\nlicense: [apache-2.0, mit]\n---\n", "apache-2.0", []),
        ("---\r\nlicense: cc-by-nc-4.0\r\ndatasets: [a, b]\r\n---\r\n", "cc-by-nc-4.0", ["a", "b"]),
        ("# A model\nlicense: mit\n", "unknown", []),
        ("---\nlanguage: en\n---\nlicense: mit\n", "unknown", []),
        ("", OWNERS, []),
    ],
)  # fmt: skip
def test_licence_and_data_are_read_from_the_metadata(
    card: str, licence: str, datasets: list[str], tmp_path: Path
) -> None:
    found = repository(tmp_path, card)
    assert (found.licence(), found.datasets()) == (licence, datasets)


def test_a_name_is_a_folder_or_a_repository_with_or_without_a_revision(tmp_path: Path) -> None:
    assert Repository.parse(str(tmp_path)).folder == tmp_path
    assert Repository.parse("facebook/dinov2-small") == Repository("facebook/dinov2-small", None, None)
    assert Repository.parse("facebook/dinov2-small@v1.0").revision == "v1.0"
    for path in ("./not-there", "~/not-there-either", "/not/there"):
        with pytest.raises(UsageError, match="Expected a folder"):
            Repository.parse(path)


def test_only_json_objects_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(WeightsError, match="got list"):
        repository(tmp_path).json("config.json")
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(WeightsError, match="to be JSON"):
        repository(tmp_path).json("config.json")
    assert repository(tmp_path).json("other.json") is None


def test_weights_in_several_files_or_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(b"")
    with pytest.raises(UnavailableError, match="several files"):
        repository(tmp_path).weights()


@pytest.mark.parametrize("words", OWN_WORDS)
def test_a_model_card_cannot_borrow_the_words_that_take_no_permission(words: str, tmp_path: Path) -> None:
    assert not is_permissive(repository(tmp_path, f'---\nlicense: "{words}"\n---\n').licence())
