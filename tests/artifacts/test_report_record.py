"""What a run folder says about itself is read strictly, and all that is wrong is named at once."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from headstart.artifacts.report.decode import decode
from headstart.artifacts.report.record import (
    CandidateRecord,
    ClassFigures,
    Estimate,
    Evidence,
    ExhibitRecord,
    LabelPoint,
    Metrics,
    ReliabilityBin,
    VerdictRecord,
    read_run,
)
from headstart.artifacts.report.tuning_record import StageChangeRecord
from headstart.core.errors import RunFolderError
from headstart.data.modality import Exhibit
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.label_curve import CurvePoint
from headstart.evaluation.scorecard import score
from headstart.evaluation.stage_changes import StageChange
from headstart.evaluation.verdict import Opponent, judge, not_judged

EXAMPLES = Path(__file__).parent / "example_runs"


@dataclass(frozen=True)
class Leaf:
    kind: str = field(metadata={"key": "class"})
    size: float | None = None


@dataclass(frozen=True)
class Tree:
    count: int
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str]
    by_name: Mapping[str, float]
    season: Literal["summer", "winter"] = "summer"


VALUES = {"count": 2, "leaves": [{"class": "oak"}], "pair": [1, "a"], "by_name": {"x": 1}, "unknown": 0}


def test_nested_values_become_dataclasses_and_unknown_keys_are_passed_over() -> None:
    assert decode(Tree, VALUES, "tree.json") == Tree(2, (Leaf("oak"),), (1, "a"), {"x": 1})


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("count", "2", "tree.json: count: expected int, but got '2'"),
        ("count", True, "expected int, but got True"),
        ("leaves", [{}], "tree.json: leaves[0]: class is missing"),
        ("leaves", [{"class": "oak", "size": "big"}], "leaves[0]: size: expected float"),
        ("leaves", {}, "expected an array"),
        ("pair", [1], "expected an array of 2"),
        ("by_name", {"x": None}, "by_name: x: expected float, but got None"),
        ("season", "spring", "one of 'summer', 'winter'"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(key: str, value: object, said: str) -> None:
    with pytest.raises(RunFolderError) as caught:
        decode(Tree, {**VALUES, key: value}, "tree.json")
    assert said in str(caught.value)


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(RunFolderError, match="5 value") as caught:
        decode(Tree, {"season": "spring"}, "tree.json")
    assert all(key in str(caught.value) for key in ("count", "leaves", "pair", "by_name", "season"))


def test_what_is_not_an_object_is_refused() -> None:
    with pytest.raises(RunFolderError, match="expected an object"):
        decode(Tree, [1, 2], "tree.json")


@pytest.mark.parametrize("name", ["ants_bees", "digits", "hedgerow", "house_numbers", "spoon", "tool_notes"])
def test_an_example_is_read_whole(name: str) -> None:
    record = read_run(EXAMPLES / name)
    raw = json.loads((EXAMPLES / name / "metrics.json").read_text())
    assert record.metrics.test["accuracy"] == Estimate(**raw["test"]["accuracy"])
    assert [entry.name for entry in record.metrics.per_class] == raw["classes"]
    assert record.manifest.backbone.preprocess["kind"] in {"image", "mel", "text"}
    assert record.manifest.backbone.top.name in {"conv_head", "global_pool", "pooling"}


def test_what_the_evaluation_writes_is_what_the_report_reads() -> None:
    generator = np.random.default_rng(0)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0] * 5)
    probabilities = generator.dirichlet([1, 1, 1], size=len(labels))
    card = score(labels, probabilities)
    right = probabilities.argmax(axis=1) == labels
    verdict = judge(right, Opponent("raw pixels", ~right), warnings=("beware",))
    candidate = Candidate("linear probe", "probe", "transfer", validation=card, test=card)
    point = CurvePoint(3, 9, card.metrics["accuracy"])
    read = [
        *(decode(ClassFigures, {"class": "a", **entry.to_json()}, "class") for entry in card.per_class),
        *(decode(ReliabilityBin, entry.to_json(), "bin") for entry in card.reliability),
        decode(CandidateRecord, candidate.to_json(), "candidate"),
        decode(LabelPoint, point.to_json(), "point"),
        decode(StageChangeRecord, StageChange("blocks.6", True, 0.1, None).to_json(), "change"),
        decode(VerdictRecord, verdict.to_json(), "verdict"),
        decode(VerdictRecord, not_judged("nothing converged").to_json(), "verdict"),
    ]
    assert len(read) == len(card.per_class) + len(card.reliability) + 5
    assert card.per_class[2].recall is None


def test_a_confusion_matrix_of_another_size_is_refused() -> None:
    raw = json.loads((EXAMPLES / "digits" / "metrics.json").read_text())
    with pytest.raises(RunFolderError, match="10 rows of 10"):
        decode(Metrics, {**raw, "confusion": [[1, 2], [3]]}, "metrics.json")


def test_test_figures_without_accuracy_are_refused() -> None:
    raw = json.loads((EXAMPLES / "digits" / "metrics.json").read_text())
    with pytest.raises(RunFolderError, match="accuracy is missing"):
        decode(Metrics, {**raw, "test": {}}, "metrics.json")


@pytest.mark.parametrize("elsewhere", ["https://example.org/a.png", "javascript:alert(1)", "data:text/html,x"])
@pytest.mark.parametrize(("key", "said"), [("picture", "data:image/"), ("sound", "data:audio/")])
def test_a_picture_or_sound_from_elsewhere_is_refused(key: str, said: str, elsewhere: str) -> None:
    item = {"id": "a", "label": "b", "predicted": "c", "confidence": 0.9, "exhibit": {key: elsewhere}}
    with pytest.raises(RunFolderError, match=said):
        decode(Evidence, {"most_wrong": [item]}, "evidence.json")
    pair = {"first": "a", "second": "b", "exhibits": [{}, {key: elsewhere}]}
    with pytest.raises(RunFolderError, match=said):
        decode(Evidence, {"near_duplicates": [pair]}, "evidence.json")


def test_what_a_modality_exhibits_is_what_the_report_reads() -> None:
    shown = Exhibit(text="so good", marks=(("so", 0.0), (" ", 0.0), ("good", -1.0)))
    assert decode(ExhibitRecord, asdict(shown), "exhibit") == ExhibitRecord(**asdict(shown))
    with pytest.raises(RunFolderError, match="weights from -1 to 1"):
        decode(ExhibitRecord, {"marks": [["so", 1.5]]}, "exhibit")


def test_a_run_without_tuning_still_opens() -> None:
    record = read_run(EXAMPLES / "digits")
    assert record.metrics.decision is None and not record.metrics.interrupted
    assert record.evidence.curves == record.evidence.stage_changes == ()
    assert record.metrics.own == record.metrics.candidates[0] == record.metrics.probe


def test_of_a_tuned_run_the_chosen_candidate_is_its_own() -> None:
    metrics = read_run(EXAMPLES / "house_numbers").metrics
    assert metrics.own == metrics.candidate("blocks.3 at 0.001") != metrics.probe
    assert metrics.probe == metrics.candidate("linear probe")
    assert metrics.candidate("nothing of this name") is None
    mlp = CandidateRecord("MLP probe", "probe", "transfer", "ok")
    assert replace(metrics, candidates=(mlp, *metrics.candidates)).probe == metrics.probe
    assert replace(metrics, candidates=(mlp,)).probe == mlp


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"metrics\.json to be JSON"):
        read_run(tmp_path)
