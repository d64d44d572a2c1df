"""What is done with a saved language model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.workflows.small_language import chain, save_model

from headstart.artifacts.language_model import (
    CONTINUED,
    SavedLanguageModel,
    evaluate_language,
    predict_language,
)
from headstart.artifacts.language_page import write_language_report
from headstart.core.errors import UsageError
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.language_model.fit import fit_language_model


def _saved(folder: Path, family: str, *, masked: bool = False, budget: float = 3.0) -> SavedLanguageModel:
    (folder / "text").mkdir()
    (folder / "text" / "train.txt").write_text(chain(5000, 0))
    (folder / "text" / "test.txt").write_text(chain(900, 1))
    model = save_model(folder / "model", family, masked=masked)
    run = fit_language_model(
        DataOptions(str(folder / "text")),
        BackboneOptions(f"hf:{model}", allow_licenses=("unknown",)),
        FitOptions(folder / "run", budget=budget, scratch=False),
        decorate=write_language_report,
    )
    return SavedLanguageModel(run)


@pytest.fixture(scope="module")
def decoder(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> SavedLanguageModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return _saved(tmp_path_factory.mktemp("decoder"), "llama", budget=6.0)


def test_the_run_has_its_page_and_card(decoder: SavedLanguageModel) -> None:
    assert (decoder.run.path / "report.html").is_file()
    assert (decoder.run.path / "README.md").is_file()


def test_a_text_is_continued_by_the_likeliest_tokens(decoder: SavedLanguageModel) -> None:
    (found,) = predict_language(decoder, ["w1 w2 w3"])
    words = found.label.split()
    assert words[:3] == ["w1", "w2", "w3"]
    assert len(words) <= 3 + CONTINUED
    assert 0 < found.confidence <= 1
    corpus = decoder.corpus("w1 w2 w3")
    tokens = torch.from_numpy(corpus.frame.around(corpus.tokens["test"]))[None].long()
    with torch.inference_mode():
        following = int(decoder.network(tokens, None, 0, tokens)[0, -1].argmax())
    assert corpus.tokenizer.tokenizer.id_to_token(following) == words[3]


def test_a_folder_is_judged_on_its_test_text(decoder: SavedLanguageModel, tmp_path: Path) -> None:
    text = Path(decoder.run.manifest["data"]["origin"])
    found = evaluate_language(decoder, str(text))
    assert (found.split, found.items) == ("test", 900)
    expected = decoder.run.metrics["test"]["perplexity"]
    assert found.to_json()["metrics"]["perplexity"]["value"] == pytest.approx(expected["value"], rel=1e-4)
    (tmp_path / "more.txt").write_text(chain(200, 5))
    other = evaluate_language(decoder, str(tmp_path / "more.txt"))
    assert (other.split, other.items) == ("all", 200)
    assert np.isfinite(other.scorecard.metrics["word_perplexity"].value)


def test_a_masked_model_fills_in_its_masks(tmp_path: Path) -> None:
    model = _saved(tmp_path, "bert", masked=True)
    filled, refused = predict_language(model, ["w1 w2 [MASK] w4", "w1 w2"])
    words = filled.label.split()
    assert [words[0], words[1], words[-1]] == ["w1", "w2", "w4"]
    assert "[MASK]" not in filled.label
    assert "[MASK]" in refused.error
    with pytest.raises(UsageError, match="columns"):
        evaluate_language(model, str(tmp_path / "text"), columns=object())
