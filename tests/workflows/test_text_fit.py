"""Texts through the verbs: a tiny BERT from a folder, texts of many lengths, and the same house as for pictures."""

import csv
import itertools
import json
import shutil
import signal

import numpy as np
import pytest
import torch
from tests.backbones.small_texts import save, source_model
from tests.faults.conftest import without_clock
from tests.tiny_texts import BLOCK, tiny_text_backbone, tiny_texts
from tests.workflows.conftest import fix_costs

import headstart
from headstart.backbones.catalog import open_backbone
from headstart.backbones.preprocess import PADDING, as_batch
from headstart.core.errors import RunFolderError, UsageError
from headstart.core.tensors import read_tensors
from headstart.data.items import content_digest
from headstart.data.modality import MODALITIES
from headstart.features.boundary_cache import Views, activation_rows, activation_source
from headstart.features.engines.contract import EngineSpec
from headstart.training.activations import CachedActivations, ComputedActivations
from headstart.training.loop import Loop

BOUNDARY = "encoder.layer.2"
#: Two trainings of the costs that the fixture fixes: from the pooling, and from the last block.
BUDGET = 1.0
SPLITS = {"train": 48, "validation": 16, "test": 24}
#: Words of a class: few enough for 48 texts to show all of them.
WORDS = 6
#: So many test texts are labelled as what they are not: there is something to be wrong about.
MISLABELLED = 3


def write_reviews(path):
    """Low words are bad, high words are good; texts of 2 to 30 words, the first with a line end and an emoji."""
    random = np.random.default_rng(7)
    rows = [("text", "label", "split")]
    for split, count in SPLITS.items():
        for number in range(count):
            good = number % 2
            words = 40 * good + random.integers(0, WORDS, random.integers(2, 31))
            text = " ".join(f"w{word}" for word in words)
            wrong = split == "test" and number < MISLABELLED
            rows.append((text, ("bad", "good")[good ^ wrong], split))
    rows[1] = (f'{rows[1][0]}\n😀 "w1", w2', *rows[1][1:])
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return path


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return f"hf:{save(source_model('bert'), tmp_path_factory.mktemp('models') / 'bert')}"


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv")


@pytest.fixture(scope="module")
def run(reviews, bert, shared_cache, tmp_path_factory):
    """A run whose last block was trained on kept activations of texts of different lengths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        fix_costs(patch)
        return fit(reviews, bert, tmp_path_factory.mktemp("runs") / "run")


def fit(data, backbone, out, **settings):
    settings = {"strategy": "partial", "boundary": BOUNDARY, "budget": BUDGET, **settings}
    return headstart.fit(data, out=out, backbone=backbone, scratch=False, **settings)


def texts_of(table):
    with table.open(newline="", encoding="utf-8") as stream:
        return [row["text"] for row in csv.DictReader(stream)]


def probabilities(predictions):
    return [[row.probabilities[name] for name in ("bad", "good")] for row in predictions]


def evidence_of(run):
    return json.loads((run.path / "evidence.json").read_text())


def test_a_text_run_says_what_it_is_and_holds_what_it_claims(run, reviews):
    metrics = run.metrics
    assert metrics["item_word"] == "text"
    assert metrics["splits"] == SPLITS
    assert metrics["verdict"]["against"] == "TF-IDF"
    assert metrics["test"]["accuracy"]["value"] == pytest.approx(1 - MISLABELLED / SPLITS["test"], abs=0.1)
    found = run.evaluate(reviews)
    assert found.items == SPLITS["test"]
    assert found.scorecard.metrics["accuracy"].value == metrics["test"]["accuracy"]["value"]


def test_only_what_is_above_the_boundary_was_trained(run, bert):
    (step,) = run.metrics["decision"]["steps"]
    assert (step["boundary"], step["below"], step["views"]) == (BOUNDARY, "cached", 0)
    before, after = read_tensors(open_backbone(bert).weights), read_tensors(run.path / "model.safetensors")
    changed = {name for name, values in before.items() if values.tobytes() != after[f"backbone.{name}"].tobytes()}
    assert changed
    assert {name for name in changed if not name.startswith(f"{BOUNDARY}.")} == set()


def test_a_text_has_one_answer_however_it_is_given(run, reviews, tmp_path):
    some = texts_of(reviews)[1:6]
    literal = run.predict(some)
    assert [row.id for row in literal] == [text if len(text) <= 80 else f"{text[:79]}…" for text in some]
    for number, text in enumerate(some):
        (tmp_path / f"{number}.txt").write_text(text, encoding="utf-8")
    in_files, in_table = run.predict(tmp_path), run.predict(reviews)[1:6]
    np.testing.assert_allclose(probabilities(in_files), probabilities(literal), atol=1e-5)
    np.testing.assert_allclose(probabilities(in_table), probabilities(literal), atol=1e-5)


def test_what_is_no_text_is_named_and_the_rest_is_answered(run, tmp_path):
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes("w1 wü".encode("latin-1"))
    answers = {
        row.id: row for row in run.predict([str(tmp_path / "empty.txt"), str(tmp_path / "latin.txt"), "😀 好的"])
    }
    assert answers["😀 好的"].label in {"bad", "good"}
    assert answers[str(tmp_path / "latin.txt")].label in {"bad", "good"}
    assert "nothing but white space" in answers[str(tmp_path / "empty.txt")].error


def test_a_pair_is_no_text_to_a_run_of_single_ones(run):
    (answer,) = run.predict([("w1 w2", "w3")])
    assert answer.error == "the run was trained on a single text per item, and this is a pair of texts"


def test_a_text_that_is_cut_off_is_answered_and_that_is_said(run):
    whole, cut = run.predict(["w1 w2", "w1 " * 600])
    assert (whole.notes, cut.label in {"bad", "good"}) == ((), True)
    assert cut.notes == ("reached the limit of 512 tokens; what is longer was cut off",)
    assert cut.to_json()["notes"] == list(cut.notes)


def test_a_run_that_was_moved_brings_its_tokenizer(run, reviews, tmp_path, monkeypatch):
    ours = probabilities(run.predict(texts_of(reviews)[:9]))
    moved = shutil.copytree(run.path, tmp_path / "moved")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "another"))
    np.testing.assert_allclose(probabilities(headstart.load(moved).predict(texts_of(reviews)[:9])), ours, atol=1e-5)
    started = fit(reviews, f"run:{moved}", tmp_path / "started", strategy="probe", boundary=None)
    assert started.metrics["test"]["accuracy"]["value"] > 0.7


def test_a_moved_run_without_its_tokenizer_says_what_is_missing(run, tmp_path, monkeypatch):
    moved = shutil.copytree(run.path, tmp_path / "moved")
    shutil.rmtree(moved / "assets")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "another"))
    with pytest.raises(RunFolderError, match="preparing an input needs"):
        headstart.load(moved).predict(["w1 w2"])


def test_kept_activations_of_texts_are_those_that_are_computed(tmp_path, monkeypatch):
    """Whatever else is in the batch: up to the length of each text, and with the same context."""
    monkeypatch.setattr("headstart.features.store.cache_home", lambda: tmp_path)
    backbone = tiny_text_backbone(tmp_path / "models")
    items = tiny_texts([3, 30, 1, 14, 14, 8, 23, 2])
    digests, labels = [content_digest(item.source.read()) for item in items], np.arange(8) % 2
    source, text = activation_source(backbone, EngineSpec("openvino", "f32"), BLOCK), MODALITIES["text"]
    preprocess, stage = backbone.card.preprocess, 2
    inputs = [text.prepare(item.source.read(), preprocess).inputs for item in items]

    def batch_of(rows, *_):
        return as_batch([inputs[row] for row in rows])

    kept = CachedActivations(
        [activation_rows(items, digests, view=0, views=Views(0), source=source, modality=text)],
        labels,
        start=stage,
        layout="NLC",
        contexts=lambda rows, _: torch.from_numpy(batch_of(rows)).long(),
    )
    computed = ComputedActivations(
        batch_of, source.start(), BLOCK, labels, start=stage, layout="NLC", preprocess=preprocess
    )
    for rows in (np.arange(8), np.array([2, 7]), np.array([1]), np.array([5, 0, 6])):
        one, other = kept.batch(rows, None), computed.batch(rows, None)
        assert one.context.shape == one.inputs.shape[:2]
        for place, row in enumerate(rows):
            length = len(inputs[row])
            assert torch.equal(one.context[place, :length], other.context[place, :length])
            assert bool((one.context[place, length:] == PADDING).all())
            torch.testing.assert_close(one.inputs[place, :length], other.inputs[place, :length], atol=4e-3, rtol=4e-3)


def test_without_room_for_activations_the_lower_part_is_computed_each_time(
    reviews, bert, tmp_path, fixed_costs, monkeypatch
):
    monkeypatch.setattr("headstart.workflows.tune.room_for", lambda size: False)
    found = fit(reviews, bert, tmp_path / "run")
    (step,) = found.metrics["decision"]["steps"]
    assert (step["below"], step["status"]) == ("computed each time", "ok")
    assert found.metrics["test"]["accuracy"]["value"] > 0.7


def test_ctrl_c_leaves_the_best_so_far_and_the_same_command_ends_alike(
    run, reviews, bert, tmp_path, fixed_costs, monkeypatch
):
    taken, train_step, out = itertools.count(1), Loop.train_step, tmp_path / "run"

    def disturbed(self, batch, planned):
        if next(taken) == 3:
            signal.raise_signal(signal.SIGINT)
        return train_step(self, batch, planned)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "train_step", disturbed)
        assert fit(reviews, bert, out).metrics["interrupted"] is True
    assert headstart.load(out).predict(["w1 w2"])[0].label in {"bad", "good"}
    again = fit(reviews, bert, out)
    assert (again.path / "model.safetensors").read_bytes() == (run.path / "model.safetensors").read_bytes()
    ours, theirs = (without_clock(json.loads((one.path / "metrics.json").read_bytes())) for one in (again, run))
    assert ours == theirs


def test_the_most_wrong_texts_are_marked_piece_by_piece(run, reviews):
    pytest.importorskip("captum")
    wrong = [entry for entry in evidence_of(run)["most_wrong"] if entry["exhibit"]["marks"]]
    assert len(wrong) >= MISLABELLED - 1  # a network may be wrong in the same way
    texts = texts_of(reviews)
    for entry in wrong:
        marks = entry["exhibit"]["marks"]
        assert "".join(piece for piece, _ in marks) == entry["exhibit"]["text"]
        assert entry["exhibit"]["text"] in texts
        assert 0 < max(abs(value) for _, value in marks) <= 1


def test_views_of_texts_are_refused_with_the_reason(reviews, bert, tmp_path):
    with pytest.raises(UsageError, match="no change is known that keeps the label"):
        fit(reviews, bert, tmp_path / "run", views=2)
    assert not (tmp_path / "run").exists()


def test_a_backbone_for_pictures_is_refused(reviews, tmp_path):
    with pytest.raises(UsageError, match="Expected a backbone for texts"):
        headstart.fit(reviews, out=tmp_path / "run", backbone="headstart:small_convnet", random_weights=True)


def test_pairs_are_judged_as_pairs(bert, tmp_path):
    """The second text decides."""
    random = np.random.default_rng(3)
    with (tmp_path / "pairs.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("sentence1", "sentence2", "label"))
        for number in range(80):
            first, second = (" ".join(f"w{word}" for word in random.integers(0, WORDS, 6)) for _ in range(2))
            table.writerow((first, second.replace("w", "w4") if number % 2 else second, ("low", "high")[number % 2]))
    found = fit(tmp_path / "pairs.csv", bert, tmp_path / "run", strategy="probe", boundary=None)
    assert found.metrics["test"]["accuracy"]["value"] > 0.8
    pairs = [("w1 w2 w3 w4 w5", "w40 w41 w42 w43 w44"), ("w1 w2 w3 w4 w5", "w5 w4 w3 w2 w1")]
    assert [(row.id, row.label) for row in found.predict(pairs)] == [
        ("w1 w2 w3 w4 w5 | w40 w41 w42 w43 w44", "high"),
        ("w1 w2 w3 w4 w5 | w5 w4 w3 w2 w1", "low"),
    ]
    single, pair = found.predict(["w1 w2", *pairs[:1]])
    assert (single.label, pair.label) == (None, "high")
    assert single.error == "the run was trained on a pair of texts per item, and this is a single text"
