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
from headstart.backbones.card import BackboneCard, ImagePreprocess
from headstart.backbones.checkpoints import install
from headstart.backbones.converted import CARD, CLASSIFIER, ENGINE_MODEL, HASHED, HASHES, WEIGHTS, folder_name
from headstart.backbones.identity import weights_sha256
from headstart.backbones.licences import NO_LICENCE_NEEDED
from headstart.backbones.source_classifier import SourceClassifier
from headstart.backbones.sources.contract import SOURCES, BackboneSource, Provenance, Request
from headstart.backbones.splitting import split
from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import EngineError, UnavailableError
from headstart.core.files import new_folder, sha256_file, write_json
from headstart.core.openvino import openvino, openvino_core
from headstart.core.progress import Progress
from headstart.core.tensors import check_finite

_WAY_OUT = "Without weights there is --random-weights, an untrained one; bundled:efficientnet_lite0 is always at hand."

#: Largest difference from torch that a stage of the engine model may show, as a share of its largest value.
TOLERANCE = 1e-3


def open_source(request: Request) -> tuple[StagedBackbone, BackboneCard]:
    """A backbone as a torch module in evaluation mode, straight from its source, and its card.

    Args:
        request: Which one; with ``random_weights`` the same architecture as nobody has trained it.

    Raises:
        HeadstartError: The source cannot give it, its weights are broken, or its architecture cannot be cut.
    """
    backbone, card, _ = open_with_classifier(request)
    return backbone, card


def open_with_classifier(
    request: Request, progress: Progress | None = None
) -> tuple[StagedBackbone, BackboneCard, SourceClassifier | None]:
    """What :func:`open_source` gives, and the source's own classifier where the weights bring one."""
    source = SOURCES[request.prefix]()
    blueprint = source.blueprint(request)
    model = build(blueprint.library, blueprint.architecture, blueprint.preprocess.size, seed=request.seed)
    provenance = (
        Provenance.random(request.seed) if request.random_weights else _loaded(source, request, model, progress)
    )
    tensors = state_arrays(model)
    check_finite(Path(request.text), tensors)
    backbone = split(model, size=blueprint.preprocess.size)
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
    return backbone, card, provenance.classifier


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
    return split(model, size=card.preprocess.size).eval()


def state_arrays(model: nn.Module) -> dict[str, NDArray[Any]]:
    """A model's state as contiguous arrays under its own names."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}


def convert(
    backbone: StagedBackbone, card: BackboneCard, models: Path, *, classifier: SourceClassifier | None = None
) -> Path:
    """Writes a backbone's torch-free form, checked against torch.

    Args:
        backbone: In evaluation mode.
        card: Its card.
        models: The folder of all converted backbones.
        classifier: What the source model puts on the pooled features, where it is known.

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
        if classifier is not None:
            save_file(classifier.to_tensors(), folder / CLASSIFIER)
        write_json(folder / CARD, card.to_json())
        _check_engine_model(backbone, card, folder / ENGINE_MODEL)
        written = [*HASHED, *([CLASSIFIER] if classifier is not None else [])]
        write_json(folder / HASHES, {name: sha256_file(folder / name) for name in written})
    return target


class EngineGraph(nn.Module):
    """What the engine model computes: uint8 pictures ``(N, S, S, 3)`` to the output of every stage.

    ``x = (pictures / 255 - mean) / std``, channels first, then the stages.

    Args:
        backbone: The stages.
        preprocess: Mean and standard deviation per channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: StagedBackbone, preprocess: ImagePreprocess) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocess.std).view(1, 3, 1, 1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """One output per stage."""
        values = pictures.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        return tuple(self.backbone.outputs((values - self.mean) / self.std))


def _write_engine_model(backbone: StagedBackbone, card: BackboneCard, path: Path) -> None:
    ov = openvino()
    size = card.preprocess.size
    example = torch.from_numpy(card.preprocess.random_inputs(2))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*torch.jit")
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*is_gradient_checkpointing")
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit")
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        graph = ov.convert_model(EngineGraph(backbone, card.preprocess), example_input=example)
    graph.reshape([-1, size, size, 3])
    graph.inputs[0].get_tensor().set_names({"pictures"})
    for output, stage in zip(graph.outputs, card.stages, strict=True):
        output.get_tensor().set_names({stage.name})
    ov.save_model(graph, path, compress_to_fp16=False)


def _check_engine_model(backbone: StagedBackbone, card: BackboneCard, path: Path) -> None:
    """Compares every stage with torch, at other batch sizes than the traced one."""
    core = openvino_core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    graph = EngineGraph(backbone, card.preprocess).eval()
    for pictures in (card.preprocess.random_inputs(3), _smooth(card.preprocess.size)):
        found = request.infer([pictures])
        with torch.inference_mode():
            expected = graph(torch.from_numpy(pictures))
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


def _smooth(size: int) -> NDArray[np.uint8]:
    """One picture as photographs are: neighbouring pixels are nearly alike."""
    across = np.linspace(0, np.pi, size)
    waves = [np.sin(across * (1 + channel))[:, None] * np.cos(across)[None, :] for channel in range(3)]
    picture: NDArray[np.uint8] = np.rint(127.5 + 127.5 * np.stack(waves, axis=-1)).astype(np.uint8)[None]
    return picture
