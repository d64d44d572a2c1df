"""Small models of transformers with random weights, saved as the library saves them."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers

from headstart.backbones.transformers_architecture import configuration
from headstart.backbones.transformers_families import FAMILIES

SIDE = 32
_TOKENS = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "patch_size": 8,
    "image_size": SIDE,
}
_STAGES = {"hidden_sizes": [16, 32], "depths": [1, 2]}
SETTINGS: dict[str, dict[str, Any]] = {
    "vit": _TOKENS,
    "deit": _TOKENS,
    "dinov2": {**_TOKENS, "image_size": 48},
    "beit": {**_TOKENS, "use_relative_position_bias": True},
    "swin": {"embed_dim": 16, "depths": [2, 1], "num_heads": [2, 2], "window_size": 4, "image_size": SIDE},
    "convnext": {**_STAGES, "num_stages": 2},
    "convnextv2": {**_STAGES, "num_stages": 2},
    "resnet": {**_STAGES, "embedding_size": 16, "layer_type": "basic"},
}
_EDGE = {"shortest_edge": SIDE}
_SQUARE = {"height": SIDE, "width": SIDE}


def classifier(family: str, **settings: Any) -> transformers.PreTrainedModel:
    """The library's own classifier of a family, its weights large enough for every layer to have a say."""
    config = configuration(family, {**SETTINGS[family], "num_labels": 5, **settings})
    found = transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[type(config)]
    generator = torch.Generator().manual_seed(3)
    model = (found[0] if isinstance(found, tuple) else found)(config).eval()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            elif tensor.ndim > 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5)
    return model


def save(model: transformers.PreTrainedModel, folder: Path) -> Path:
    """The model and an image processor of its family that makes pictures of 32 pixels."""
    model.save_pretrained(folder)
    name = FAMILIES[model.config.model_type].processor
    size = _EDGE if name in {"BitImageProcessor", "ConvNextImageProcessor"} else _SQUARE
    getattr(transformers, name)(size=size, crop_size=_SQUARE).save_pretrained(folder)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    """Changes values of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
