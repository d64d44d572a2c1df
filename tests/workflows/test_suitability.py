"""Whether transfer is appropriate, from labelled training items to advice, on a backbone that converts in seconds."""

import json
from dataclasses import replace

import pytest
from tests.conftest import draw_shapes

import headstart
from headstart.backbones.catalog import convert_trained
from headstart.backbones.conversion import open_source, state_arrays
from headstart.backbones.sources.contract import Request
from headstart.core.errors import UnavailableError
from headstart.workflows import suitability as module
from headstart.workflows.gather import open_named_backbone

ARCHITECTURE = "headstart:small_convnet"


@pytest.fixture
def pretrained(monkeypatch):
    """Opening the backbone gives weights that count as pretrained, as others than those of its random twin."""
    backbone, card = open_source(Request.parse(ARCHITECTURE, random_weights=True, seed=1))
    card = replace(card, pretraining="drawings", pretraining_classes=("disc, circle", "star"))
    converted = convert_trained(card, state_arrays(backbone.model))

    def opened(options, *given, **named):
        named_options = replace(options, name=ARCHITECTURE)
        return open_named_backbone(named_options, *given, **named) if options.random_weights else converted

    monkeypatch.setattr(module, "open_named_backbone", opened)
    return converted


def test_every_stage_is_measured_with_and_without_the_pretraining(shapes, pretrained):
    report = headstart.check(shapes)
    found = report.suitability
    assert report.not_looked_at == ""
    assert [entry.stage for entry in found.curve.stages] == [stage.name for stage in pretrained.card.stages]
    assert any(entry.pretrained != entry.random for entry in found.curve.stages)
    assert found.curve.plain_name == "raw pixels"
    assert found.sampled == sum(found.per_class.values()) == report.splits["train"]
    assert found.covered == {"disc": ("disc",)}
    assert found.shift > 0
    assert found.curve.doubling is not None
    assert found.advice[0].because
    assert json.loads(json.dumps(report.to_json()))["suitability"]["curve"]["best"] == found.curve.best


def test_the_same_again_comes_from_the_cache(shapes, pretrained, monkeypatch):
    first = headstart.check(shapes).suitability
    monkeypatch.setattr(module, "start_engine", lambda *given: pytest.fail("an engine was started"))
    assert headstart.check(shapes).suitability == first


def test_many_items_are_sampled_in_proportion(shapes, pretrained, monkeypatch):
    monkeypatch.setattr(module, "MOST_ITEMS", 20)
    found = headstart.check(shapes).suitability
    assert 12 <= found.sampled <= 20
    assert sum(found.per_class.values()) == 52


def test_of_many_classes_some_are_told_apart(tmp_path, pretrained, monkeypatch):
    monkeypatch.setattr(module, "MOST_CLASSES", 2)
    draw_shapes(tmp_path, per_class=20)
    rows = [f"{label}/{number:03d}.png,{label} {number % 2}" for label in ("disc", "square") for number in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["file,label", *rows]))
    found = headstart.check(tmp_path / "table.csv").suitability
    assert (len(found.per_class), found.sampled_classes) == (4, 2)
    assert found.sampled < sum(found.per_class.values())
    assert found.sampled in {one + other for one in found.per_class.values() for other in found.per_class.values()}
    assert found.curve.accuracy.value > 0.25  # of two classes, not of four


def test_labels_of_other_splits_have_no_part(tmp_path, pretrained):
    draw_shapes(tmp_path, per_class=20)

    def checked(swapped):
        rows = ["file,label,split"]
        for number in range(20):
            split = "train" if number < 14 else "val" if number < 17 else "test"
            for label, other in (("disc", "square"), ("square", "disc")):
                told = other if swapped and split != "train" else label
                rows.append(f"{label}/{number:03d}.png,{told},{split}")
        (tmp_path / "table.csv").write_text("\n".join(rows))
        return headstart.check(tmp_path / "table.csv").suitability

    assert checked(swapped=False) == checked(swapped=True)


def test_random_weights_have_nothing_to_transfer(shapes):
    report = headstart.check(shapes, backbone=ARCHITECTURE, random_weights=True)
    assert report.suitability is None
    assert "nothing to transfer" in report.not_looked_at


def test_what_cannot_be_had_here_leaves_the_rest_of_the_check(shapes, monkeypatch):
    def offline(*given, **named):
        raise UnavailableError("Expected a network, but there is none.")

    monkeypatch.setattr(module, "open_named_backbone", offline)
    report = headstart.check(shapes)
    assert report.splits["train"] == 52
    assert (report.suitability, report.not_looked_at) == (None, "Expected a network, but there is none.")


def test_data_alone_open_no_backbone(shapes, monkeypatch):
    monkeypatch.setattr(module, "open_named_backbone", None)
    report = headstart.check(shapes, data_only=True)
    assert report.suitability is None
    assert "data alone" in report.not_looked_at


def test_a_backbone_that_a_fit_would_refuse_leaves_what_is_known_of_the_data(shapes):
    report = headstart.check(shapes, backbone="timm:convnextv2_atto.fcmae")
    assert report.readable == 80 and report.suitability is None
    assert "--allow-license cc-by-nc-4.0" in report.errors[-1]
