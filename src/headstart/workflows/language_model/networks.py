"""The networks of a language model's fit: the source's own, and the same architecture from random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard
from headstart.backbones.conversion import state_arrays, with_weights
from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.language_head import read_language_head
from headstart.backbones.splitting import parts_of
from headstart.backbones.stages import StagedBackbone
from headstart.core.run_folder import RunFolder
from headstart.tasks.language_head import LanguageHead
from headstart.tasks.language_model import LanguageModelling
from headstart.training.token_network import TokenNetwork

_BACKBONE, _HEAD = "backbone.", "head."


def source_network(source: ConvertedBackbone, task: LanguageModelling, *, seed: int) -> tuple[TokenNetwork, bool]:
    """The source's backbone under its own output layer, and whether it has one.

    A decoder whose weights bring none is tied to its embeddings. A masked model without one gets a new one.
    """
    backbone = source.load()
    arrays = read_language_head(source.folder)
    if arrays is not None:
        return TokenNetwork(backbone, LanguageHead.from_arrays(backbone, arrays)), True
    return with_new_head(backbone, task, seed=seed), task.objective == "next token"


def random_network(card: BackboneCard, task: LanguageModelling, *, seed: int) -> TokenNetwork:
    """The same architecture as nobody has trained it."""
    model = build(card.library, card.architecture, card.preprocess.size, seed=seed)
    return with_new_head(StagedBackbone(model, parts_of(model), card.stages).eval(), task, seed=seed)


def with_new_head(backbone: StagedBackbone, task: LanguageModelling, *, seed: int) -> TokenNetwork:
    """A backbone under an output layer that nobody trained, tied to the embeddings."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TokenNetwork(backbone, task.build_head(backbone))


def network_tensors(network: TokenNetwork) -> dict[str, NDArray[Any]]:
    """What is saved of a network; embeddings that the output layer is tied to are there once, as the backbone's."""
    backbone, head = state_arrays(network.backbone.model), state_arrays(network.head)
    return {
        **{f"{_BACKBONE}{name}": values for name, values in backbone.items()},
        **{f"{_HEAD}{name}": values for name, values in head.items()},
    }


def saved_network(run: RunFolder) -> TokenNetwork:
    """The language model of a run.

    Raises:
        RunFolderError: Its weights are not those that were saved.
        WeightsError: They do not fit its card.
    """
    tensors = run.tensors()
    backbone = with_weights(BackboneCard.from_json(run.manifest["backbone"]), _under(tensors, _BACKBONE))
    return TokenNetwork(backbone, LanguageHead.from_arrays(backbone, _under(tensors, _HEAD)))


def _under(tensors: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)}
