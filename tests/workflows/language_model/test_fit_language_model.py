"""A language model from running text to a saved, judged run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.workflows.small_language import chain, save_model

from headstart.backbones.catalog import open_backbone
from headstart.core.errors import DataError, UsageError
from headstart.core.run_folder import RunFolder
from headstart.data.text_streams import read_streams
from headstart.transfer.language_tuning import token_losses
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.language_model.corpus import corpus_of
from headstart.workflows.language_model.fit import fit_language_model
from headstart.workflows.language_model.networks import saved_network


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "valid.txt").write_text(chain(6000, 0))
    (folder / "test.txt").write_text(chain(1500, 1))
    return folder


def _fit(text: Path, model: Path, out: Path, **options: Any) -> RunFolder:
    asked = FitOptions(out, **{"budget": 4.0, "baseline_budget": 4.0, **options})
    backbone = BackboneOptions(f"hf:{model}", allow_licenses=("unknown",))
    return fit_language_model(DataOptions(str(text)), backbone, asked, decorate=lambda folder: None)


@pytest.fixture(scope="module")
def run(text: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        folder = tmp_path_factory.mktemp("models")
        return _fit(text, save_model(folder / "gpt2", "gpt2"), folder / "run")


def test_everything_is_compared_in_the_same_tokens(run: RunFolder) -> None:
    metrics = run.metrics
    candidates = {row["name"]: row for row in metrics["candidates"]}
    assert next(iter(candidates)) == "fine-tuned"
    assert {"as it is", "same architecture from scratch"} < set(candidates)
    ngrams = next(row for row in metrics["candidates"] if row["strategy"] == "Kneser-Ney")
    assert ngrams["test"]["perplexity"]["value"] == pytest.approx(2, abs=0.15)
    as_it_is = candidates["as it is"]["test"]["perplexity"]["value"]
    assert metrics["test"]["perplexity"]["value"] < as_it_is
    assert metrics["test"] == candidates["fine-tuned"]["test"]
    assert metrics["verdict"]["outcome"] in {"helps", "hurts", "no difference shown"}
    assert metrics["splits"]["test"] == 1500
    assert metrics["interrupted"] is False


def test_the_figures_are_those_of_what_was_saved(run: RunFolder, text: Path) -> None:
    network = saved_network(run)
    corpus = corpus_of(read_streams(str(text)), open_backbone(f"run:{run.path}", allow_licenses=("unknown",)).card)
    losses = token_losses(network, corpus.judged("test"))
    assert len(losses) == 1500
    assert np.exp(losses.mean()) == pytest.approx(run.metrics["test"]["perplexity"]["value"], rel=1e-4)


def test_nothing_is_left_beside_the_run_and_its_steps_are_logged(run: RunFolder) -> None:
    assert [path.name for path in run.path.parent.glob(".*")] == []
    assert sum('"loss"' in line for line in (run.path / "log.jsonl").read_text().splitlines()) > 1
    assert (run.path / "assets").is_dir()


def test_a_masked_model_is_asked_for_hidden_tokens(text: Path, tmp_path: Path) -> None:
    run = _fit(text, save_model(tmp_path / "bert", "bert", masked=True), tmp_path / "run", scratch=False, budget=2.0)
    assert run.manifest["objective"] == "masked"
    assert run.metrics["candidates"][0]["name"] == "fine-tuned"
    assert "word_perplexity" not in run.metrics["test"]
    assert run.metrics["verdict"]["outcome"] == "not judged"


def test_where_nothing_trains_the_source_is_judged_as_it_is(text: Path, tmp_path: Path) -> None:
    run = _fit(text, save_model(tmp_path / "llama", "llama"), tmp_path / "run", strategy="probe", scratch=False)
    assert run.metrics["candidates"][0]["name"] == "as it is"
    assert run.manifest["trained_backbone"] is False


def test_what_cannot_be_meant_is_refused(text: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mask token"):
        _fit(text, save_model(tmp_path / "bert", "bert"), tmp_path / "run")
    with pytest.raises(UsageError, match="--head mlp"):
        _fit(text, tmp_path / "bert", tmp_path / "run", head="mlp")
    with pytest.raises(UsageError, match="--adapt, which is what it does"):
        _fit(text, tmp_path / "bert", tmp_path / "run", adapt="self")
    with pytest.raises(UsageError, match="choose one of auto"):
        _fit(text, tmp_path / "bert", tmp_path / "run", strategy="contrastive")
    with pytest.raises(DataError, match=r"end in \.txt"):
        _fit(tmp_path / "bert", tmp_path / "bert", tmp_path / "run")
    quick = BackboneOptions("headstart:small_convnet", random_weights=True)
    with pytest.raises(UsageError, match="reads text"):
        fit_language_model(DataOptions(str(text)), quick, FitOptions(tmp_path / "run"), decorate=lambda folder: None)
    assert not (tmp_path / "run").exists()
