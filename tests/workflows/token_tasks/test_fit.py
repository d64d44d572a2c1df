"""Tasks on tokens, whole: what is learned, kept, judged and saved."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from tests.workflows.token_tasks.conftest import run_of

from headstart.core.errors import UsageError
from headstart.core.tensors import read_tensors
from headstart.data.items import content_digest
from headstart.data.readers.conll import read_conll


@pytest.fixture(scope="module")
def tagged(  # type: ignore[no-untyped-def]
    sentences: Path, small_bert: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
):
    with pytest.MonkeyPatch.context() as patch:  # the engine that was fastest here is the one of the other runs
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return run_of("tokens", sentences, small_bert, tmp_path_factory.mktemp("runs") / "people", scratch=True)


def test_a_run_has_what_the_design_promises(tagged, sentences):  # type: ignore[no-untyped-def]
    metrics, manifest = tagged.metrics, tagged.manifest
    assert metrics["task"] == "token classification"
    assert metrics["leading"] == "entity_f1"
    assert metrics["classes"] == ["person"]
    assert metrics["splits"] == {"train": 120, "validation": 40, "test": 40}
    assert set(metrics["test"]["entity_f1"]) == {"value", "low", "high"}
    assert [candidate["name"] for candidate in metrics["candidates"]] == [
        "frozen head",
        "most frequent tag",
        "same architecture from scratch",
    ]
    assert metrics["verdict"]["outcome"] in {"helps", "hurts", "no difference shown"}
    assert manifest["problem"] == {"tags": ["O", "B-person", "I-person"]}
    evidence = json.loads((tagged.path / "evidence.json").read_text())
    assert all(wrong["label"] != wrong["predicted"] for wrong in evidence["most_wrong"])
    train = [item for item in read_conll(str(sentences)).items if item.split == "train"]
    assert set(manifest["training_items"]) == {content_digest(item.source.read()) for item in train}
    assert not (tagged.path.parent / ".people.unfinished").exists()


def test_a_head_on_random_features_learns_which_words_are_people(tagged):  # type: ignore[no-untyped-def]
    assert tagged.metrics["test"]["entity_f1"]["value"] > 0.4
    (person,) = tagged.metrics["per_class"]
    assert person["class"] == "person"
    assert person["f1"] == pytest.approx(tagged.metrics["test"]["entity_f1"]["value"])


def test_the_same_command_gives_the_same_model(tagged, sentences, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    again = run_of("tokens", sentences, small_bert, tmp_path / "again")
    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (tagged, again))
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])
    assert tagged.metrics["test"] == again.metrics["test"]


def test_fine_tuning_moves_the_boundary_and_its_figures_are_those_of_the_saved_form(  # type: ignore[no-untyped-def]
    sentences, small_bert, tmp_path
):
    run = run_of("tokens", sentences, small_bert, tmp_path / "tuned", strategy="finetune")
    decision = run.metrics["decision"]
    assert run.manifest["trained_backbone"]
    assert run.manifest["strategy"]["boundary"] == "bottom"
    assert decision["chosen"] == run.metrics["candidates"][0]["name"]
    assert [step["status"] for step in decision["steps"]] == ["ok"]
    probe = next(entry for entry in run.metrics["candidates"] if entry["name"] == "frozen head")
    gain = run.metrics["test"]["entity_f1"]["value"] - probe["test"]["entity_f1"]["value"]
    assert decision["over_probe"]["difference"] == pytest.approx(gain)


def test_partial_keeps_what_lies_below_the_boundary(sentences, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    run = run_of("tokens", sentences, small_bert, tmp_path / "partial", strategy="partial", boundary="encoder.layer.2")
    (step,) = run.metrics["decision"]["steps"]
    assert step["frozen"]["stages"] == ["embeddings", "encoder.layer.0", "encoder.layer.1"]
    before = read_tensors(Path(small_bert) / "model.safetensors")
    after = run.tensors()
    moved = {
        name
        for name, values in after.items()
        if name.startswith("backbone.")
        for source in before
        if source.endswith(name.removeprefix("backbone."))
        and not np.array_equal(before[source].astype(np.float32), values)
    }
    assert moved
    assert all("layer.2." in name for name in moved)


def test_questions_are_split_by_article_and_may_have_no_answer(questions, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    run = run_of("qa", questions, small_bert, tmp_path / "asked", scratch=True)
    metrics = run.metrics
    assert (metrics["task"], metrics["leading"], metrics["classes"]) == ("question answering", "exact_match", [])
    assert all(count % 7 == 0 for count in metrics["splits"].values())
    assert {"exact_match", "f1", "exact_match_answerable", "exact_match_unanswerable"} <= set(metrics["test"])
    assert [candidate["name"] for candidate in metrics["candidates"]][1] == "word overlap"
    assert run.manifest["problem"] == {"knows_none": True}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"strategy": "scratch", "scratch": True}, "--strategy scratch"),
        ({"head": "mlp"}, "--head mlp"),
        ({"views": 2}, "--views"),
        ({"adapt": "self"}, "--adapt"),
    ],
)
def test_what_makes_no_sense_is_refused(sentences, small_bert, tmp_path, options, named):  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=f"Expected what --task tokens can do, but got {named}"):
        run_of("tokens", sentences, small_bert, tmp_path / "no", **options)


class _AfterSome:
    """Somebody who asks to stop once they have been asked so many times whether they want to."""

    def __init__(self, times: int) -> None:
        self._left = times

    @property
    def requested(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_the_same_command_goes_on_where_ctrl_c_stopped_it(  # type: ignore[no-untyped-def]
    tagged, sentences, small_bert, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("headstart.workflows.resumable.interruptible", lambda _: contextlib.nullcontext(_AfterSome(50)))
        early = run_of("tokens", sentences, small_bert, tmp_path / "people")
    assert early.metrics["interrupted"]
    assert early.metrics["candidates"][0]["epochs"] < tagged.metrics["candidates"][0]["epochs"]
    late = run_of("tokens", sentences, small_bert, tmp_path / "people")
    assert not late.metrics["interrupted"]
    assert late.metrics["test"] == tagged.metrics["test"]
    for name, values in tagged.tensors().items():
        np.testing.assert_array_equal(late.tensors()[name], values)


def test_nothing_is_saved_before_anything_was_learned(  # type: ignore[no-untyped-def]
    sentences, small_bert, tmp_path, monkeypatch
):
    monkeypatch.setattr("headstart.workflows.resumable.interruptible", lambda _: contextlib.nullcontext(_AfterSome(0)))
    with pytest.raises(UsageError, match="there is nothing to save yet"):
        run_of("tokens", sentences, small_bert, tmp_path / "people")
    assert not (tmp_path / "people").exists()
