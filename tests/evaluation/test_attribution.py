"""Attribution per token, on a small network of embeddings, layer norms as in BERT, and a masked mean."""

import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.core.errors import UnavailableError, UsageError
from headstart.evaluation.attribution import attribute, integrated_gradients

WIDTH, DIM, CLASSES = 6, 5, 3
PADDED = np.array([[3, 1, 4, 1, 5], [9, 2, 6, -1, -1], [7, -1, -1, -1, -1]], dtype=np.int32)


def embed(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    return nn.functional.layer_norm(model.get_submodule("embeddings")(hidden.clamp(min=0)), (WIDTH,))


def mix(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    return nn.functional.layer_norm(hidden + torch.tanh(model.get_submodule("mixing")(hidden)), (WIDTH,))


def leave(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    return hidden


def pool(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    assert context is not None
    real = (context >= 0).to(hidden.dtype).unsqueeze(2)
    mean = (hidden * real).sum(dim=1) / real.sum(dim=1)
    return model.get_submodule("leaving")(mean)


def network(*, middle: str = "mixing") -> StagedBackbone:
    """Three stages; with ``middle="linear"`` everything above the embeddings is linear."""
    torch.manual_seed(0)
    layers = {
        "embeddings": nn.Embedding(12, WIDTH),
        "mixing": nn.Linear(WIDTH, WIDTH),
        "leaving": nn.Linear(WIDTH, DIM),
    }
    parts = (
        Part("embeddings", ("embeddings",), embed),
        Part("mixing", ("mixing",), mix if middle == "mixing" else leave),
        Part("leaving", ("leaving",), pool),
    )
    stages = (Stage("embeddings", WIDTH, "NLC"), Stage("mixing", WIDTH, "NLC"), Stage("leaving", DIM, "NC"))
    return StagedBackbone(nn.ModuleDict(layers), parts, stages)


@pytest.fixture
def head() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    generator = np.random.default_rng(0)
    return generator.standard_normal((CLASSES, DIM)), generator.standard_normal(CLASSES)


def embedded(backbone: StagedBackbone, tokens: NDArray[np.int32]) -> Tensor:
    with torch.no_grad():
        return backbone(torch.from_numpy(tokens).long(), stop=1)


def logits(backbone: StagedBackbone, hidden: Tensor, head: tuple[NDArray, NDArray]) -> NDArray[np.float64]:
    with torch.no_grad():
        features = backbone(hidden, 1, None, torch.from_numpy(PADDED).long())
    return features.numpy().astype(np.float64) @ head[0].T + head[1]


@pytest.mark.parametrize("neutral", [0, 8])
def test_attributions_add_up_to_the_difference_from_neutral_tokens(head, neutral: int) -> None:
    backbone, classes = network(), [0, 2, 1]
    found = integrated_gradients(backbone, *head, PADDED, classes, neutral=neutral)
    ends = (logits(backbone, embedded(backbone, tokens), head) for tokens in (PADDED, np.full_like(PADDED, neutral)))
    gained = (next(ends) - next(ends))[range(3), classes]
    assert found.sum(axis=1) == pytest.approx(gained, abs=1e-3)
    assert np.abs(gained).min() > 0.1


def test_of_a_linear_network_they_are_each_tokens_own_share(head) -> None:
    backbone = network(middle="linear")
    weights = backbone.model.get_submodule("leaving").weight.detach().numpy()
    table = embedded(backbone, np.arange(12, dtype=np.int32)[None])[0].numpy()
    found = integrated_gradients(backbone, *head, PADDED, [1, 1, 1], neutral=11, steps=4)
    for row, values in zip(found, PADDED, strict=True):
        real = values[values >= 0]
        own = (table[real] - table[11]) @ weights.T @ head[0][1] / len(real)
        assert row[: len(real)] == pytest.approx(own, abs=1e-5)


def test_a_neutral_token_speaks_neither_for_nor_against(head) -> None:
    assert (attribute(network(), *head, PADDED, [0, 2, 1], neutral=1)[PADDED == 1] == 0).all()


def test_the_strongest_token_has_length_one_and_padding_none(head) -> None:
    found = attribute(network(), *head, PADDED, np.array([0, 2, 1]))
    assert found.shape == PADDED.shape and found.dtype == np.float64
    assert np.abs(found).max(axis=1) == pytest.approx([1, 1, 1])
    assert (found[PADDED < 0] == 0).all()


def test_more_padding_changes_nothing(head) -> None:
    wider = np.pad(PADDED, ((0, 0), (0, 3)), constant_values=-1)
    narrow, wide = (attribute(network(), *head, batch, [0, 1, 2]) for batch in (PADDED, wider))
    assert wide[:, :5] == pytest.approx(narrow) and not wide[:, 5:].any()


def test_a_class_that_nothing_speaks_for_gets_zeros() -> None:
    nothing = np.zeros((CLASSES, DIM)), np.zeros(CLASSES)
    assert not attribute(network(), *nothing, PADDED, [0, 0, 0]).any()


def test_weights_get_no_gradients_and_stay(head) -> None:
    backbone = network()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    attribute(backbone, *head, PADDED, [0, 0, 0])
    assert all(parameter.grad is None for parameter in backbone.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in backbone.state_dict().items())


def test_a_first_stage_without_a_vector_per_token_is_refused(head) -> None:
    def at_once(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        return pool(model, embed(model, hidden, context), context)

    part = Part("all", ("embeddings", "leaving"), at_once)
    pooled = StagedBackbone(network().model, [part], [Stage("all", DIM, "NC")])
    with pytest.raises(UsageError, match="one vector for each of 5 tokens"):
        attribute(pooled, *head, PADDED, [0, 0, 0])


def test_without_captum_the_extra_is_named(head, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(UnavailableError, match=r"'captum'.*headstart\[text\]"):
        attribute(network(), *head, PADDED, [0, 0, 0])
