"""What is saved is measured in the form in which it answers, and beats the probe by both measures or is not taken."""

from dataclasses import replace

import pytest
from tests.workflows.pooled_tasks.conftest import run_of

from headstart.artifacts.pooled_model import SavedPooledModel
from headstart.core.errors import UsageError
from headstart.core.run_folder import open_run
from headstart.workflows.pooled_tasks import choice
from headstart.workflows.trained_tasks import tuning


def test_a_search_keeps_the_probe_where_the_loss_speaks_against_a_training(  # type: ignore[no-untyped-def]
    topics, small_bert, tmp_path, monkeypatch
):
    monkeypatch.setattr(tuning, "best_attempt", lambda rival, attempts, strategy, metric: attempts[0])
    monkeypatch.setattr(choice, "probe_loss", lambda probe, examples: 0.0)
    run = run_of("multilabel", topics, small_bert, tmp_path / "auto", strategy="auto", budget=6.0)
    assert run.metrics["strategy"] == "probe"
    assert run.metrics["decision"]["chosen"] == "linear probe"
    assert run.metrics["decision"]["reason"].startswith("The linear probe is kept: micro F1")
    assert run.metrics["decision"]["over_probe"] is None
    assert not run.manifest["trained_backbone"]


def test_a_tuned_run_answers_with_the_figures_that_it_was_chosen_by(topics, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    options = {"strategy": "partial", "boundary": "encoder.layer.2"}
    run = run_of("multilabel", topics, small_bert, tmp_path / "run", **options)
    assert run.manifest["strategy"]["temperature"] != 1
    model = SavedPooledModel(open_run(run.path))
    found = model.evaluate(str(topics)).scorecard.metrics["micro_f1"].value
    count = {split: run.metrics["splits"][split] for split in ("validation", "test")}
    figures = [run.metrics["candidates"][0][split]["micro_f1"]["value"] for split in count]
    assert min(figures) <= found <= max(figures)  # both splits together: neither was trained on


def test_a_budget_that_buys_nothing_is_told(scores, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="Expected --budget to buy the training that --strategy finetune asks for"):
        run_of("regression", scores, replace(small_bert), tmp_path / "none", strategy="finetune", budget=0.01)
