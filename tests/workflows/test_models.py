import dataclasses
import json
from pathlib import Path

import pytest

import headstart
from headstart.backbones.catalog import open_backbone
from headstart.backbones.model_index.at_hand import Machine
from headstart.backbones.model_index.index import Index
from headstart.backbones.model_index.row import ModelRow, Weights
from headstart.core.errors import UnknownNameError
from headstart.workflows import models
from headstart.workflows.models import Model, Wanted, find_models, models_at_hand, refresh_models, show_model

ROW = ModelRow(
    name="timm:resnet18.a1_in1k",
    takes="image",
    licence="apache-2.0",
    pretraining="ImageNet-1k",
    paper="",
    parameters=11_000_000,
    flops=1,
    input_size=224,
    cut="stem:8 pool:16p",
    uncut="",
    weights=Weights("hub", "timm/resnet18.a1_in1k"),
    default=True,
)


def row(name: str, **changes: object) -> ModelRow:
    own = {"name": name, "default": False, "weights": Weights("hub", name.replace(":", "/"))}
    return dataclasses.replace(ROW, **{**own, **changes})  # type: ignore[arg-type]


ROWS = (
    ROW,
    row("timm:resnet50.fb", licence="cc-by-nc-4.0", parameters=25_000_000),
    row("timm:vit_base.openai", pretraining="WIT-400M", input_size=336, parameters=86_000_000),
    row(
        "torchvision:resnet18.V1", licence="BSD-3-Clause", weights=Weights("url", "https://example.org/r-01234567.pth")
    ),
    row("timm:odd.in1k", parameters=0, uncut="it cannot be built"),
)


@pytest.fixture(autouse=True)
def a_machine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(models, "read_index", lambda: Index(ROWS, ("a note",)))
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def put_on_hub_cache(home: Path, repository: str) -> Path:
    file = home / "hub" / f"models--{repository.replace('/', '--')}" / "snapshots" / "abc" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_text("weights")
    return file


def names(**wanted: object) -> list[str]:
    return [model.row.name for model in find_models(Wanted(**wanted)).found]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [row.name for row in ROWS]),
        ({"pattern": "resnet18"}, ["timm:resnet18.a1_in1k", "torchvision:resnet18.V1"]),
        ({"pattern": "RESNET18"}, ["timm:resnet18.a1_in1k", "torchvision:resnet18.V1"]),
        ({"pattern": "resnet*"}, ["timm:resnet18.a1_in1k", "timm:resnet50.fb", "torchvision:resnet18.V1"]),
        ({"pattern": "timm:resnet*"}, ["timm:resnet18.a1_in1k", "timm:resnet50.fb"]),
        ({"pattern": "*18*", "source": "torchvision"}, ["torchvision:resnet18.V1"]),
        ({"licence": "permissive", "pattern": "resnet50"}, []),
        ({"licence": "CC-BY-NC-4.0"}, ["timm:resnet50.fb"]),
        ({"max_parameters": 11e6}, ["timm:resnet18.a1_in1k", "torchvision:resnet18.V1"]),
        ({"input_size": 336}, ["timm:vit_base.openai"]),
        ({"pretraining": "wit"}, ["timm:vit_base.openai"]),
        ({"here": True}, []),
        ({"pattern": "no such model"}, []),
    ],
)
def test_wishes_are_met_together(wanted: dict[str, object], expected: list[str]) -> None:
    assert names(**wanted) == expected


def test_models_on_this_machine_come_first(a_machine_of_its_own: Path) -> None:
    file = put_on_hub_cache(a_machine_of_its_own, "timm/vit_base.openai")
    assert names() == [ROWS[2].name, ROWS[0].name, ROWS[1].name, ROWS[3].name, ROWS[4].name]
    assert find_models(Wanted(here=True)).found == (Model(ROWS[2], file),)
    assert find_models(Wanted()).notes == ("a note",)


def test_candidates_are_at_hand_allowed_and_usable(a_machine_of_its_own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = Weights("package", "headstart", "__init__.py")
    rows = tuple(dataclasses.replace(row, weights=everywhere) for row in ROWS[:2])
    odd = dataclasses.replace(ROWS[4], weights=everywhere)
    monkeypatch.setattr(models, "read_index", lambda: Index((*rows, odd, ROWS[3]), ()))
    assert [row.name for row in models_at_hand({"image"})] == ["timm:resnet18.a1_in1k"]
    assert [row.name for row in models_at_hand({"image"}, ["CC-BY-NC-4.0"])] == [row.name for row in rows]
    assert models_at_hand({"sound"}) == []


def test_a_card_is_shown_by_name_or_by_the_name_without_its_tag() -> None:
    assert show_model("timm:resnet18") == show_model("timm:resnet18.a1_in1k") == Model(ROW, None)
    with pytest.raises(UnknownNameError, match="resnet50"):
        show_model("timm:resnet50")


def test_the_verbs_in_python() -> None:
    assert [model.row.name for model in headstart.models("vit", pretraining="WIT").found] == ["timm:vit_base.openai"]
    assert headstart.show_model("timm:resnet18").row == ROW


def test_what_is_printed_as_json_is_json(a_machine_of_its_own: Path) -> None:
    file = put_on_hub_cache(a_machine_of_its_own, "timm/resnet18.a1_in1k")
    card = json.loads(json.dumps(show_model("timm:resnet18").card_to_json()))
    assert card["here"] == str(file)
    assert card["stages"][-1] == {"name": "pool", "dim": 16, "layout": "NC"}
    assert card["weights"]["bytes"] == len("weights")
    assert card["terms"][0]["data"] == "ImageNet-1k"
    listed = json.loads(json.dumps(find_models(Wanted()).to_json()))
    assert len(listed["models"]) == len(ROWS)
    assert "stages" not in listed["models"][0]


def test_what_was_converted_here_is_a_model_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from headstart.backbones.sources.contract import Provenance
    from headstart.backbones.sources.own import OwnSource

    monkeypatch.setattr(OwnSource, "load", lambda self, request, model, progress: Provenance("a test", "CIFAR-10"))
    card = open_backbone("headstart:small_convnet.8").card
    open_backbone("headstart:small_convnet.9", random_weights=True)
    (row,) = [model.row for model in find_models(Wanted(source="headstart", here=True)).found]
    assert (row.name, row.pretraining, row.parameters) == (card.name, "CIFAR-10", card.parameters)
    assert [stage.name for stage in row.stages] == [stage.name for stage in card.stages]
    assert [row.name for row in models_at_hand({"image"})] == ["headstart:small_convnet.8"]


def test_a_damaged_form_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_backbone("headstart:small_convnet", random_weights=True).folder
    monkeypatch.setattr(
        models.Machine, "now", lambda: Machine({"hf:a/b": folder, ROW.name: folder}, folder, frozenset(), {}, False)
    )
    assert "headstart:small_convnet" in [model.row.name for model in find_models(Wanted()).found]
    for content in ("{", "[]", "{}"):
        (folder / "card.json").write_text(content)
        assert {model.row.name for model in find_models(Wanted()).found} == {row.name for row in ROWS}
        assert show_model(ROW.name).weights == ROW.weights


def test_refreshing_makes_what_is_outdated_and_nothing_else(
    a_machine_of_its_own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.backbones.model_index import generate

    made = []
    monkeypatch.setattr(models, "outdated", lambda: ["timm"])
    monkeypatch.setattr(generate, "generate", lambda prefix, path, progress: made.append((prefix, path)) or 7)
    assert refresh_models() == {"timm": 7}
    assert made == [("timm", a_machine_of_its_own / "cache" / "model_index" / "timm.jsonl")]
