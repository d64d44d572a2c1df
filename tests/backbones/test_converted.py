"""The torch-free form on disk, and the engine model in it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import EngineGraph
from headstart.backbones.converted import ConvertedBackbone, folder_name
from headstart.backbones.identity import weights_sha256
from headstart.core.openvino import openvino_core
from headstart.core.tensors import read_tensors

#: One of each kind; those of fixed size have small windows or patches already.
NAMES = ["headstart:small_convnet.16", "timm:vit_tiny_patch16_224", "timm:swin_tiny_patch4_window7_224"]


@pytest.fixture(params=NAMES)
def converted(request: pytest.FixtureRequest) -> ConvertedBackbone:
    return open_backbone(request.param, random_weights=True)


def test_the_engine_model_gives_what_torch_gives_at_any_batch_size(converted: ConvertedBackbone) -> None:
    card = converted.card
    core = openvino_core()
    model = core.read_model(converted.engine_model)
    size = card.preprocess.size
    assert [sorted(output.get_names()) for output in model.outputs] == [[stage.name] for stage in card.stages]
    assert model.inputs[0].get_names() == {"inputs"}
    assert str(model.inputs[0].get_partial_shape()) == f"[?,{size},{size},3]"
    assert model.inputs[0].get_element_type().get_type_name() == "u8"
    request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    graph = EngineGraph(converted.load(), card.preprocess).eval()
    for count in (1, 4):
        pictures = card.preprocess.random_inputs(count, seed=count)
        found = request.infer([pictures])
        with torch.no_grad():
            expected = graph(torch.from_numpy(pictures))
        for stage, theirs in zip(card.stages, expected, strict=True):
            worst = np.abs(found[stage.name] - theirs.numpy()).max()
            assert worst <= 1e-3 * np.abs(theirs.numpy()).max(), stage


def test_the_card_tells_the_truth(converted: ConvertedBackbone) -> None:
    card, backbone = converted.card, converted.load()
    tensors = read_tensors(converted.weights)
    assert card.sha256 == weights_sha256(card.library, card.architecture, tensors)
    assert card.parameters == sum(parameter.numel() for parameter in backbone.model.parameters())
    assert card.pretraining == "none (random weights)"
    assert backbone.stages == card.stages
    assert not backbone.training
    assert converted.folder.name == folder_name(card)


def test_normalisation_is_inside_the_engine_model() -> None:
    converted = open_backbone("headstart:small_convnet.16", random_weights=True)
    preprocess = replace(converted.card.preprocess, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    backbone = converted.load()
    pictures = preprocess.random_inputs(2)
    values = (pictures / 255 - np.array(preprocess.mean)) / np.array(preprocess.std)
    with torch.no_grad():
        found = EngineGraph(backbone, preprocess)(torch.from_numpy(pictures))[-1]
        expected = backbone(torch.from_numpy(values.transpose(0, 3, 1, 2).astype(np.float32)))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_another_preprocessing_is_another_folder() -> None:
    card = open_backbone("headstart:small_convnet.16", random_weights=True).card
    other = replace(card, preprocess=replace(card.preprocess, crop=0.9))
    assert folder_name(card) != folder_name(other)
