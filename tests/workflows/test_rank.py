"""Ranking: the order, what is thinned out or cannot be ranked, and one matrix of features at a time."""

import json
import weakref

import numpy as np
import pytest
from tests.conftest import QUICK, draw_shapes

import headstart
from headstart.core.errors import StorageError, UnavailableError, UnknownNameError, UsageError
from headstart.transfer.ranking import means_over, random_halves
from headstart.transfer.scores.contract import SCORES, Evidence, Score
from headstart.workflows import rank as ranking_module
from headstart.workflows import rank_candidate
from headstart.workflows.gather import BackboneOptions, open_named_backbone
from headstart.workflows.rank_candidate import Scored, ScoreFound, take_score


@pytest.fixture
def drawn_at_random(monkeypatch):
    """Candidates ``random:SEED``: quick backbones that nobody has trained."""

    def opened(backbone, modality, **listening):
        if not backbone.name.startswith("random:"):
            return open_named_backbone(backbone, modality, **listening)
        drawn = BackboneOptions(QUICK["backbone"], random_weights=True, seed=int(backbone.name.removeprefix("random:")))
        return open_named_backbone(drawn, modality, **listening)

    monkeypatch.setattr(rank_candidate, "open_named_backbone", opened)


@pytest.fixture
def made_up(monkeypatch):
    """Candidates whose names are their scores; remembers who was scored on how many examples."""
    asked = []

    def score(backbone, sample, scores, **context):
        asked.append((backbone.name, len(sample.items)))
        if backbone.name == "full disk":
            raise StorageError("The disk is full.")
        if not backbone.name.startswith("0."):
            raise UnavailableError(f"{backbone.name} is broken")
        value = float(backbone.name)
        resampled = value + np.random.default_rng(int(1e4 * value)).normal(0, 0.01, 200)
        found = {one.name: ScoreFound(value, resampled) for one in scores if not one.needs_source_head}
        return Scored(found, len(sample.items), 10, 100.0, 0.5)

    monkeypatch.setattr(ranking_module, "score_candidate", score)
    return asked


def test_real_features_are_ranked_by_every_score(shapes, drawn_at_random):
    found = headstart.rank(shapes, candidates=["random:0", "random:1"], scores=list(SCORES))
    assert {candidate.name for candidate in found.ranked} == {"random:0", "random:1"}
    assert sorted(candidate.standings["probe"].rank for candidate in found.ranked) in ([1, 2], [1, 1])
    for candidate in found.ranked:
        assert set(candidate.standings) == {"probe", "knn", "logme", "hscore"}  # no classifier came with the weights
        assert all(one.low <= one.rank <= one.high for one in candidate.standings.values())
        assert candidate.examples == found.examples == 52
        assert candidate.items_per_second > 0


def test_the_order_in_which_candidates_come_is_of_no_account(shapes, drawn_at_random):
    names = ["random:0", "random:1"]
    first, second = (headstart.rank(shapes, candidates=order, scores=["knn"]) for order in (names, names[::-1]))
    assert {one.name: one.standings for one in first.ranked} == {one.name: one.standings for one in second.ranked}


def test_a_score_is_that_of_its_function_on_the_features(shapes, drawn_at_random, monkeypatch):
    seen = []
    spy = Score("spy", "spy", "", False, lambda evidence: seen.append(evidence) or 0.0)
    monkeypatch.setitem(SCORES._builtin, "spy", "unused:unused")
    monkeypatch.setattr(type(SCORES), "__getitem__", spied(spy))
    found = headstart.rank(shapes, candidates=["random:0"], scores=["probe", "spy"])
    whole = max(seen, key=lambda evidence: len(evidence.labels))
    assert found.best.standings["probe"].value == pytest.approx(SCORES["probe"].compute(whole))


def test_there_is_never_more_than_one_matrix_of_features(shapes, drawn_at_random, monkeypatch):
    alive = []

    def compute(evidence: Evidence) -> float:
        others = [other for one in alive if (other := one()) is not None and len(other) == len(evidence.features)]
        assert all(other is evidence.features for other in others)
        alive.append(weakref.ref(evidence.features))
        return 0.0

    spy = Score("spy", "spy", "", False, compute)
    monkeypatch.setattr(type(SCORES), "__getitem__", spied(spy))
    found = headstart.rank(shapes, candidates=["random:0", "random:1", "random:2"], scores=["spy"])
    assert len(found.ranked) == 3
    assert len(alive) > 3


def spied(score):
    before = type(SCORES).__getitem__
    return lambda self, name: score if name == score.name else before(self, name)


def test_what_cannot_be_had_is_listed_with_its_reason(shapes, drawn_at_random):
    names = ["nosuch:thing", "random:0", "file:gone.pth", "timm:nosuchnet"]
    found = headstart.rank(shapes, candidates=names)
    assert [candidate.name for candidate in found.ranked] == ["random:0"]
    reasons = {one.name: one.reason for one in found.candidates if one.outcome == "not ranked"}
    assert set(reasons) == set(names) - {"random:0"}
    assert "backbone source" in reasons["nosuch:thing"]
    assert found.sentence == "random:0 is the only candidate that could be ranked."
    assert json.loads(json.dumps(found.to_json()))["best"] == "random:0"


def test_pictures_that_cannot_be_decoded_are_left_out(tmp_path, drawn_at_random):
    draw_shapes(tmp_path / "data", per_class=12)
    broken = sorted((tmp_path / "data" / "disc").iterdir())
    for path in broken[:4]:
        path.write_bytes(path.read_bytes()[:40])
    whole = headstart.rank(tmp_path / "data", candidates=["random:0"])
    assert whole.best.examples < whole.examples == 16
    for path in broken:
        path.write_bytes(path.read_bytes()[:40] + path.name.encode())
    with pytest.raises(UnavailableError, match="two classes or more that can be decoded"):
        headstart.rank(tmp_path / "data", candidates=["random:0"])


def test_where_nothing_can_be_ranked_every_reason_is_said(shapes, made_up):
    with pytest.raises(UnavailableError, match=r"(?s)one is broken.*two is broken"):
        headstart.rank(shapes, candidates=["one", "two"])


def test_a_full_disk_is_no_property_of_a_candidate(shapes, made_up):
    with pytest.raises(StorageError):
        headstart.rank(shapes, candidates=["0.5", "full disk"])


def test_ties_are_called_ties(shapes, made_up):
    found = headstart.rank(shapes, candidates=["0.6", "0.9", "0.895"])
    assert [candidate.name for candidate in found.ranked] == ["0.9", "0.895", "0.6"]
    assert [candidate.name for candidate in found.tied] == ["0.9", "0.895"]
    assert found.sentence == "Of 3 candidates 0.9 is first by linear probe, but 0.895 is not shown to be worse (95 %)."
    certain = headstart.rank(shapes, candidates=["0.6", "0.9"])
    assert certain.sentence == (
        "Of 2 candidates 0.9 is first by linear probe, and every other is shown to be worse (95 %)."
    )


def test_many_are_thinned_out_on_a_few_examples(shapes, made_up, monkeypatch):
    monkeypatch.setattr("headstart.workflows.rank_sample.FIRST_LOOK", 20)
    names = [f"0.{number}" for number in range(10, 24)]
    found = headstart.rank(shapes, candidates=["broken", *names])
    assert made_up[:15] == [(name, 20) for name in ("broken", *names)]
    assert sorted(made_up[15:]) == [(name, 52) for name in names[7:]]
    outcomes = [candidate.outcome for candidate in found.candidates]
    assert outcomes == ["ranked"] * 7 + ["thinned out"] * 7 + ["not ranked"]
    assert [candidate.examples for candidate in found.candidates] == [52] * 7 + [20] * 7 + [0]
    assert found.candidates[0].name == "0.23"


def test_a_few_candidates_are_all_ranked_in_full(shapes, made_up, monkeypatch):
    monkeypatch.setattr("headstart.workflows.rank_sample.FIRST_LOOK", 20)
    headstart.rank(shapes, candidates=["0.1", "0.2", "0.3"])
    assert {examples for _, examples in made_up} == {52}


def test_a_score_that_a_candidate_does_not_have(shapes, made_up):
    found = headstart.rank(shapes, candidates=["0.3"], scores=["probe", "leep"])
    assert set(found.best.standings) == {"probe"}
    with pytest.raises(UnavailableError, match="LEEP needs the source model's own classifier"):
        headstart.rank(shapes, candidates=["0.3"], scores=["leep"])


def test_candidates_are_those_at_hand_where_none_is_named(shapes, made_up, monkeypatch):
    rows = [type("Row", (), {"name": name}) for name in ("0.2", "0.4")]
    monkeypatch.setattr(ranking_module, "models_at_hand", lambda modality, allowed: rows if "odd" in allowed else [])
    assert headstart.rank(shapes, allow_license=["odd"]).best.name == "0.4"
    with pytest.raises(UnavailableError, match="headstart models"):
        headstart.rank(shapes)


@pytest.mark.parametrize(
    ("setting", "error", "words"),
    [
        ({"scores": ["logmee"]}, UnknownNameError, "did you mean 'logme'"),
        ({"subset": 3}, UsageError, "20 or more"),
        ({"device": "gpu"}, UsageError, "auto, cpu or cuda"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_read(setting, error, words):
    with pytest.raises(error, match=words):
        headstart.rank("no such data", **setting)


def test_a_mean_over_examples_need_not_be_computed_anew():
    random = np.random.default_rng(0)
    labels = np.arange(80) % 2
    evidence = Evidence(random.normal(size=(80, 4)).astype(np.float32), labels, 2)
    halves = random_halves(labels, count=100, seed=1)

    def first_column(evidence):
        return evidence.features[:, 0].astype(np.float64)

    mean = Score("mean", "mean", "", False, lambda evidence: float(first_column(evidence).mean()), first_column)
    anew = Score("anew", "anew", "", False, mean.compute)
    quick, slow = take_score(mean, evidence, halves), take_score(anew, evidence, halves)
    assert quick.value == slow.value
    np.testing.assert_allclose(quick.resampled[: len(slow.resampled)], slow.resampled)
    np.testing.assert_allclose(quick.resampled, means_over(halves, first_column(evidence)))


def test_equal_scores_are_said_to_be_equal(shapes, made_up):
    said = headstart.rank(shapes, candidates=["0.9", "0.90", "0.5"]).sentence
    assert "(the smallest of those with the highest score)" in said
    assert "highest score" not in headstart.rank(shapes, candidates=["0.9", "0.5"]).sentence
