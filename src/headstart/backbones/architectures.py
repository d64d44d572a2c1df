"""Building an architecture without its classifier, its weights drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headstart.core.errors import UnknownNameError
from headstart.core.registry import Registry

if TYPE_CHECKING:
    from torch import nn

#: Builds an architecture from its name and the side of its square input.
Builder = Callable[[str, int], "nn.Module"]

LIBRARIES: Registry[Builder] = Registry(
    "architecture library",
    {
        "timm": "headstart.backbones.architectures:build_timm",
        "transformers": "headstart.backbones.transformers_vision:build_transformers",
        "transformers_text": "headstart.backbones.transformers_text:build_text",
        "transformers_audio": "headstart.backbones.transformers_audio:build_sound",
        "keras": "headstart.backbones.keras_models:build_keras",
        "torchvision": "headstart.backbones.architectures:build_torchvision",
        "headstart": "headstart.backbones.architectures:build_own",
    },
    group="headstart.architecture_libraries",
)

#: headstart's own architectures.
OWN: Registry[Callable[..., nn.Module]] = Registry(
    "headstart architecture",
    {
        "small_convnet": "headstart.backbones.small_convnet:SmallConvnet",
        "small_text_network": "headstart.backbones.small_text_network:SmallTextNetwork",
        "lenet": "headstart.backbones.lenet:LeNet",
        "cifar_resnet20": "headstart.backbones.cifar_resnet:resnet20",
        "cifar_resnet32": "headstart.backbones.cifar_resnet:resnet32",
        "cifar_resnet44": "headstart.backbones.cifar_resnet:resnet44",
        "cifar_resnet56": "headstart.backbones.cifar_resnet:resnet56",
        "resemblyzer": "headstart.backbones.resemblyzer:SpeakerEncoder",
    },
)


def build(library: str, architecture: str, size: int, *, seed: int = 0) -> nn.Module:
    """A source model without its classifier, in evaluation mode, with random weights.

    Args:
        library: ``"timm"``, ``"headstart"`` or a third party's.
        architecture: The library's name of the architecture, without a tag.
        size: Side of the square input, in pixels.
        seed: Draws the weights; torch's own random state is left as it was.

    Returns:
        A module from ``(N, 3, size, size)`` to pooled features ``(N, D)``.

    Raises:
        UnknownNameError: The library or the architecture is not known.
    """
    import torch

    builder = LIBRARIES[library]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builder(architecture, size).eval()


def build_timm(architecture: str, size: int) -> nn.Module:
    """An architecture of timm, through timm's own ``num_classes=0``."""
    import timm

    if not timm.is_model(architecture):
        raise UnknownNameError("timm architecture", architecture, timm.list_models())
    default = timm.get_pretrained_cfg(architecture)
    resized = default is not None and default.fixed_input_size and size != default.input_size[-1]
    model: nn.Module = timm.create_model(architecture, num_classes=0, **({"img_size": size} if resized else {}))
    return model


def build_torchvision(architecture: str, size: int) -> nn.Module:
    """A classification architecture of torchvision up to what its last linear layer (SqueezeNet: convolution) reads.

    Auxiliary heads, which only training uses, are left out. The names of what was removed are told by the model's
    ``removed`` (the classifier) and ``auxiliary``.
    """
    from torch import nn
    from torchvision import models

    known = models.list_models(module=models)
    if architecture not in known:
        raise UnknownNameError("torchvision architecture", architecture, known)
    model: nn.Module = models.get_model(architecture, weights=None, **_torchvision_options(architecture, size))
    layers = [name for name, module in model.named_modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    model.set_submodule(layers[-1], nn.Identity())
    model.removed, model.auxiliary = (layers[-1],), ("aux1", "aux2", "AuxLogits")  # type: ignore[assignment]
    return model


def _torchvision_options(architecture: str, size: int) -> dict[str, Any]:
    """What the trained weights presume, and what depends on the size of the input."""
    if architecture in ("googlenet", "inception_v3"):
        return {"aux_logits": False, "transform_input": True, "init_weights": True}
    if architecture.startswith("vit_"):
        return {"image_size": size}
    return {"input_size": (size, size)} if architecture.startswith("maxvit") else {}


def build_own(architecture: str, size: int) -> nn.Module:
    """The architectures that headstart brings itself, such as ``small_text_network(vocabulary=30522)``.

    They take any size that their source offers.
    """
    from headstart.backbones.transformers_architecture import read_architecture

    name, settings = read_architecture(architecture)
    return OWN[name](**settings)
