"""``fit --backbone auto``: what is taken, what is remembered, what is refused."""

import json

import pytest
from tests.conftest import QUICK, draw_shapes
from tests.workflows.test_resuming import fit, interrupted_fit

import headstart
from headstart.core.errors import UsageError
from headstart.core.progress import Silent, Stopwatch
from headstart.core.unfinished import open_unfinished
from headstart.transfer.ranking import Standing
from headstart.workflows import choose_backbone as choosing
from headstart.workflows import rank as ranking_module
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions, gather
from headstart.workflows.rank_record import Candidate, Ranking

AUTO = BackboneOptions("auto")


def at_hand(monkeypatch, *names):
    rows = [type("Row", (), {"name": name}) for name in names]
    monkeypatch.setattr(ranking_module, "models_at_hand", lambda modality, allowed: rows)


def always(monkeypatch, name):
    """Whatever the data, the ranking puts this one first; says how often it was asked."""
    asked = []

    def rank_on(sample, *given, **named):
        asked.append(len(sample.items))
        first = Candidate(name, "ranked", standings={"probe": Standing(0.9, 1, 1, 1)})
        return Ranking(sample.origin, "photo", len(sample.items), sample.classes, ("probe",), (first,))

    monkeypatch.setattr(choosing, "rank_on", rank_on)
    return asked


def chosen(data, target):
    return choosing.choose_backbone(DataOptions(str(data)), AUTO, target, progress=Silent(), watch=Stopwatch())


def test_a_fit_goes_on_as_if_the_best_had_been_named(shapes, shapes_run, tmp_path, monkeypatch):
    name = f"run:{shapes_run}"
    at_hand(monkeypatch, name, "nosuch:thing")
    settings = {"strategy": "probe", "scratch": False}
    auto = headstart.fit(shapes, out=tmp_path / "auto", backbone="auto", **settings)
    named = headstart.fit(shapes, out=tmp_path / "named", backbone=name, **settings)
    assert (auto.path / "model.safetensors").read_bytes() == (named.path / "model.safetensors").read_bytes()
    assert auto.metrics["test"] == named.metrics["test"]
    record = auto.metrics["backbone_choice"]
    assert record["best"] == auto.metrics["backbone"] == name
    assert [row["outcome"] for row in record["candidates"]] == ["ranked", "not ranked"]
    assert "backbone_choice" not in named.metrics


def test_an_unfinished_fit_goes_on_with_what_it_had_chosen(shapes, tmp_path, monkeypatch):
    target = tmp_path / "run"
    first = always(monkeypatch, "timm:first")
    with open_unfinished(target, {}) as unfinished:
        unfinished.folder("a training")
        chosen(shapes, target).store(unfinished)
    second = always(monkeypatch, "timm:second")
    again = chosen(shapes, target)
    assert again.name == "timm:first"
    assert again.record == json.loads(json.dumps(again.record))
    assert (len(first), len(second)) == (1, 0)


@pytest.mark.slow
def test_after_ctrl_c_another_backbone_at_hand_changes_nothing(shapes_run, tmp_path, monkeypatch, fixed_costs):
    data = draw_shapes(tmp_path / "small", per_class=20)
    at_hand(monkeypatch, f"run:{shapes_run}")
    settings = {"backbone": "auto", "random_weights": False}
    whole = fit(data, tmp_path / "whole", **settings)
    assert interrupted_fit(data, tmp_path / "run", step=5, **settings).metrics["interrupted"]
    at_hand(monkeypatch, "timm:another")
    resumed = fit(data, tmp_path / "run", **settings)
    assert resumed.metrics["backbone_choice"]["best"] == f"run:{shapes_run}"
    assert (resumed.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_other_data_are_ranked_anew(tmp_path, monkeypatch):
    data, target = draw_shapes(tmp_path / "data", per_class=12), tmp_path / "run"
    always(monkeypatch, "timm:first")
    with open_unfinished(target, {}) as unfinished:
        unfinished.folder("a training")
        chosen(data, target).store(unfinished)
    draw_shapes(data, per_class=12, seed=1)
    always(monkeypatch, "timm:second")
    assert chosen(data, target).name == "timm:second"


def test_only_labels_that_the_fit_knows_have_a_part_in_it(shapes, tmp_path, monkeypatch):
    asked = always(monkeypatch, "timm:first")
    data = DataOptions(str(shapes), per_class=5)
    choosing.choose_backbone(data, AUTO, tmp_path / "run", progress=Silent(), watch=Stopwatch())
    assert asked == [8]


def test_examples_that_moved_to_another_split_are_told(shapes, tmp_path, monkeypatch):
    always(monkeypatch, "timm:first")
    choice = chosen(shapes, tmp_path / "run")
    quick = BackboneOptions(QUICK["backbone"], random_weights=True)
    same, moved = (
        gather(DataOptions(str(shapes), seed=seed), quick, progress=Silent(), watch=Stopwatch()) for seed in (0, 1)
    )
    assert choice.warned(same).warnings == same.warnings
    assert "by which the backbone was chosen stand outside training" in choice.warned(moved).warnings[-1]


@pytest.mark.parametrize("setting", [{"random_weights": True}, {"architecture": "resnet18"}])
def test_what_names_a_backbone_is_refused_beside_it(setting, tmp_path):
    with pytest.raises(UsageError, match="choose among pretrained backbones"):
        headstart.fit("no such data", out=tmp_path / "run", backbone="auto", **setting)
