"""Turning a backbone into its torch-free form, and proving that it is the same backbone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard
from headstart.backbones.checkpoints import install
from headstart.backbones.converted import (
    CARD,
    CLASSIFIER,
    ENGINE_MODEL,
    HASHED,
    HASHES,
    LANGUAGE_HEAD,
    WEIGHTS,
    folder_name,
)
from headstart.backbones.identity import weights_sha256
from headstart.backbones.licences import NO_LICENCE_NEEDED
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.source_classifier import SourceClassifier
from headstart.backbones.sources.contract import SOURCES, BackboneSource, Provenance, Request
from headstart.backbones.splitting import split_for
from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import EngineError, UnavailableError
from headstart.core.files import new_folder, sha256_file, write_json
from headstart.core.openvino import openvino, openvino_core
from headstart.core.progress import Progress
from headstart.core.tensors import check_finite

_WAY_OUT = "Without weights there is --random-weights; `headstart models --here` lists the backbones that are at hand."

#: Largest difference from torch that a stage of the engine model may show, as a share of its largest value.
TOLERANCE = 1e-3


def open_source(request: Request) -> tuple[StagedBackbone, BackboneCard]:
    """A backbone as a torch module in evaluation mode, straight from its source, and its card.

    Args:
        request: Which one; with ``random_weights`` the same architecture as nobody has trained it.

    Raises:
        HeadstartError: The source cannot give it, its weights are broken, or its architecture cannot be cut.
    """
    backbone, card, _ = open_with_provenance(request)
    return backbone, card


def open_with_provenance(
    request: Request, progress: Progress | None = None
) -> tuple[StagedBackbone, BackboneCard, Provenance]:
    """What :func:`open_source` gives, and where the weights came from, with the heads that they bring."""
    source = SOURCES[request.prefix]()
    blueprint = source.blueprint(request)
    model = build(blueprint.library, blueprint.architecture, blueprint.preprocess.size, seed=request.seed)
    provenance = (
        Provenance.random(request.seed) if request.random_weights else _loaded(source, request, model, progress)
    )
    tensors = state_arrays(model)
    check_finite(Path(request.text), tensors)
    backbone = split_for(model, blueprint.preprocess)
    card = BackboneCard(
        name=request.text,
        source=provenance.source,
        architecture=blueprint.architecture,
        library=blueprint.library,
        licence=NO_LICENCE_NEEDED if request.random_weights else blueprint.licence,
        pretraining=provenance.pretraining,
        paper=blueprint.paper,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=weights_sha256(blueprint.library, blueprint.architecture, tensors),
        preprocess=blueprint.preprocess,
        stages=backbone.stages,
        pretraining_classes=provenance.pretraining_classes,
        pretraining_items=provenance.pretraining_items,
        file=provenance.file,
    )
    return backbone, card, provenance


def _loaded(source: BackboneSource, request: Request, model: nn.Module, progress: Progress | None) -> Provenance:
    try:
        return source.load(request, model, progress)
    except UnavailableError as error:
        if "--random-weights" in str(error):
            raise
        raise UnavailableError(f"{error} {_WAY_OUT}") from error


def with_weights(card: BackboneCard, tensors: Mapping[str, NDArray[Any]]) -> StagedBackbone:
    """A backbone built anew from its card, with weights that somebody has in memory.

    Raises:
        WeightsError: They do not fit the card's architecture.
    """
    model = build(card.library, card.architecture, card.preprocess.size)
    install(Path(card.name), tensors, model)
    return split_for(model, card.preprocess).eval()


def state_arrays(model: nn.Module) -> dict[str, NDArray[Any]]:
    """A model's state as contiguous arrays under its own names."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}


def convert(
    backbone: StagedBackbone,
    card: BackboneCard,
    models: Path,
    *,
    classifier: SourceClassifier | None = None,
    language_head: Mapping[str, NDArray[Any]] | None = None,
) -> Path:
    """Writes a backbone's torch-free form, checked against torch.

    Args:
        backbone: In evaluation mode.
        card: Its card.
        models: The folder of all converted backbones.
        classifier: What the source model puts on the pooled features, where it is known.
        language_head: The output layer of a language model that came with the weights.

    Returns:
        The new folder.

    Raises:
        EngineError: The engine model does not give what torch gives.
        StorageError: The folder is there already, or the disk refuses.
    """
    target = models / folder_name(card)
    with new_folder(target) as folder:
        _write_engine_model(backbone, card, folder / ENGINE_MODEL)
        save_file(state_arrays(backbone.model), folder / WEIGHTS)
        heads = _heads(classifier, language_head)
        for name, tensors in heads.items():
            save_file(tensors, folder / name)
        write_json(folder / CARD, card.to_json())
        _check_engine_model(backbone, card, folder / ENGINE_MODEL)
        write_json(folder / HASHES, {name: sha256_file(folder / name) for name in (*HASHED, *heads)})
    return target


def _heads(
    classifier: SourceClassifier | None, language_head: Mapping[str, NDArray[Any]] | None
) -> dict[str, dict[str, NDArray[Any]]]:
    """The files of the heads that came with the weights."""
    found = {}
    if classifier is not None:
        found[CLASSIFIER] = classifier.to_tensors()
    if language_head is not None:
        found[LANGUAGE_HEAD] = dict(language_head)
    return found


class EngineGraph(nn.Module):
    """What the engine model computes: a batch as prepared to the output of every stage.

    Args:
        backbone: The stages.
        preprocess: Its entrance comes first.
    """

    def __init__(self, backbone: StagedBackbone, preprocess: Preprocess) -> None:
        super().__init__()
        self.entrance, self.backbone = preprocess.entrance(), backbone

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """One output per stage."""
        hidden, context = self.entrance(inputs)
        return tuple(self.backbone.outputs(hidden, context))


def _write_engine_model(backbone: StagedBackbone, card: BackboneCard, path: Path) -> None:
    ov = openvino()
    example = torch.from_numpy(card.preprocess.random_inputs(2))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*torch.jit")
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*is_gradient_checkpointing")
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit")
        warnings.filterwarnings("ignore", category=UserWarning, message="To copy construct from a tensor")
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        graph = ov.convert_model(EngineGraph(backbone, card.preprocess), example_input=example)
    graph.reshape([-1, *card.preprocess.axes])
    graph.inputs[0].get_tensor().set_names({"inputs"})
    for output, stage in zip(graph.outputs, card.stages, strict=True):
        output.get_tensor().set_names({stage.name})
    ov.save_model(graph, path, compress_to_fp16=False)


def _check_engine_model(backbone: StagedBackbone, card: BackboneCard, path: Path) -> None:
    """Compares every stage with torch, at another batch size than the traced one."""
    core = openvino_core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    graph = EngineGraph(backbone, card.preprocess).eval()
    inputs = card.preprocess.random_inputs(3, seed=1)
    found = request.infer([inputs])
    with torch.inference_mode():
        expected = graph(torch.from_numpy(inputs))
    _compare(card, [found[stage.name] for stage in card.stages], [tensor.numpy() for tensor in expected])


def _compare(card: BackboneCard, found: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]]) -> None:
    for stage, ours, theirs in zip(card.stages, found, expected, strict=True):
        scale = float(np.abs(theirs).max())
        worst = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")
        if not worst <= TOLERANCE * scale:
            raise EngineError(
                f"Expected stage {stage.name!r} of the converted {card.name} to agree with torch within "
                f"{TOLERANCE:g} of its largest value, but it differs by {worst:g} at a scale of {scale:g}; "
                "it was not kept."
            )
