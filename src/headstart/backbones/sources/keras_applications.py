"""``keras:NAME``: models of keras.applications with their ImageNet weights."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.imagenet import imagenet_classes
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.backbones.weights.fetched import FetchedFile
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

#: Keras says how values are scaled, and not how a picture is resized: this is how the models were mostly tested.
_CROP = 0.875


@dataclass(frozen=True, slots=True)
class Scaling:
    """What Keras' ``preprocess_input`` does, in terms of values in [0, 1].

    Attributes:
        mean: Subtracted, per channel.
        std: Divided by, per channel.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


_BYTE = (1 / 255,) * 3
#: "caffe": values of 0 to 255 less their mean; "tf": -1 to 1; "torch": standardized; "none": 0 to 255 as they are.
SCALINGS = {
    "caffe": Scaling((123.68 / 255, 116.779 / 255, 103.939 / 255), _BYTE),
    "tf": Scaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "torch": Scaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": Scaling((0.0, 0.0, 0.0), _BYTE),
}


@dataclass(frozen=True, slots=True)
class Application:
    """What Keras' functions do not say.

    Attributes:
        size: Side of the input that the weights were made for, in pixels.
        scaling: A key of :data:`SCALINGS`.
        licence: Of the weights, as Keras' documentation says.
        paper: Reference of the architecture.
    """

    size: int
    scaling: str
    licence: str
    paper: str

    @property
    def swapped(self) -> bool:
        """Whether the weights were made for blue, green, red."""
        return self.scaling == "caffe"


_RESNET = Application(224, "caffe", "MIT", "He et al. 2016, Deep Residual Learning (arXiv:1512.03385)")
_RESNET_V2 = Application(224, "tf", "MIT", "He et al. 2016, Identity Mappings in Deep ResNets (arXiv:1603.05027)")
_VGG = Application(224, "caffe", "CC-BY-4.0", "Simonyan and Zisserman 2015, VGG (arXiv:1409.1556)")
_DENSENET = Application(224, "torch", "BSD-3-Clause", "Huang et al. 2017, DenseNet (arXiv:1608.06993)")
_CONVNEXT = Application(224, "none", "MIT", "Liu et al. 2022, A ConvNet for the 2020s (arXiv:2201.03545)")
_MOBILENET_V3 = Application(
    224, "none", "Apache-2.0", "Howard et al. 2019, Searching for MobileNetV3 (arXiv:1905.02244)"
)
_EFFICIENTNET = "Tan and Le 2019, EfficientNet (arXiv:1905.11946)"
_EFFICIENTNET_V2 = "Tan and Le 2021, EfficientNetV2 (arXiv:2104.00298)"
_EFFICIENTNET_SIZES = {"B0": 224, "B1": 240, "B2": 260, "B3": 300, "B4": 380, "B5": 456, "B6": 528, "B7": 600}
_EFFICIENTNET_V2_SIZES = {"B0": 224, "B1": 240, "B2": 260, "B3": 300, "S": 384, "M": 480, "L": 480}

#: Names in ``keras.applications``; NASNet is missing because Keras does not build it on torch.
APPLICATIONS: dict[str, Application] = {
    **dict.fromkeys(("ResNet50", "ResNet101", "ResNet152"), _RESNET),
    **dict.fromkeys(("ResNet50V2", "ResNet101V2", "ResNet152V2"), _RESNET_V2),
    **dict.fromkeys(("VGG16", "VGG19"), _VGG),
    **dict.fromkeys(("DenseNet121", "DenseNet169", "DenseNet201"), _DENSENET),
    **dict.fromkeys(("ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"), _CONVNEXT),
    **dict.fromkeys(("MobileNetV3Small", "MobileNetV3Large"), _MOBILENET_V3),
    "MobileNet": Application(224, "tf", "Apache-2.0", "Howard et al. 2017, MobileNets (arXiv:1704.04861)"),
    "MobileNetV2": Application(224, "tf", "Apache-2.0", "Sandler et al. 2018, MobileNetV2 (arXiv:1801.04381)"),
    "InceptionV3": Application(299, "tf", "Apache-2.0", "Szegedy et al. 2016, Rethinking Inception (arXiv:1512.00567)"),
    "InceptionResNetV2": Application(299, "tf", "Apache-2.0", "Szegedy et al. 2017, Inception-v4 (arXiv:1602.07261)"),
    "Xception": Application(299, "tf", "MIT", "Chollet 2017, Xception (arXiv:1610.02357)"),
    **{
        f"EfficientNet{name}": Application(size, "none", "Apache-2.0", _EFFICIENTNET)
        for name, size in _EFFICIENTNET_SIZES.items()
    },
    **{
        f"EfficientNetV2{name}": Application(size, "none", "Apache-2.0", _EFFICIENTNET_V2)
        for name, size in _EFFICIENTNET_V2_SIZES.items()
    },
}


class KerasSource:
    """Keras' own catalogue; the weights come from the address that Keras names and are held to the md5 it names."""

    def stamp(self, request: Request) -> str:
        """The version of Keras.

        Raises:
            UnknownNameError: There is no such application.
            UnavailableError: Keras is not installed.
        """
        _application(request)
        for module in ("keras", "h5py"):
            if importlib.util.find_spec(module) is None:
                raise UnavailableError.missing_extra(request.text, module=module, extra="keras")
        return f"keras {importlib.metadata.version('keras')}"

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture, and Keras' scaling behind the usual resize and centre crop."""
        application = _application(request)
        scaling = SCALINGS[application.scaling]
        preprocess = ImagePreprocess(application.size, _CROP, "bilinear", scaling.mean, scaling.std)
        return Blueprint("keras", request.name, preprocess, application.paper, application.licence)

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Lets Keras read the weights' HDF5 file, and translates what it read.

        Raises:
            UnavailableError: They are not on this machine and out of reach.
            WeightsError: The file is another, or broken.
        """
        from headstart.backbones.keras_models import translated

        found: list[FetchedFile] = []

        def getter(name: str, url: str, md5: str) -> Path:
            found.append(_fetched(name, url, md5, progress))
            return found[-1].path

        try:
            source = translated(request.name, _application(request).size, getter)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().partition("\n")[0][:200]
            raise WeightsError(
                f"Expected {found[-1].path if found else request.text} to hold the weights of keras.applications."
                f"{request.name}, but Keras could not read them: {reason}."
            ) from error
        model.load_state_dict(source.state_dict())
        file = found[-1]
        return Provenance(f"Keras' {file.origin}", "ImageNet-1k", imagenet_classes(), file=file.facts())


def _application(request: Request) -> Application:
    if request.name not in APPLICATIONS:
        raise UnknownNameError("application of Keras", request.name, APPLICATIONS)
    return APPLICATIONS[request.name]


def _fetched(name: str, url: str, md5: str, progress: Progress | None) -> FetchedFile:
    """The file at an address, or the copy that Keras itself once put into its own folder; either has the md5."""
    from headstart.backbones.weights.url import fetch_url

    kept = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / "models" / name
    return fetch_url(url, md5=md5, kept_elsewhere=[kept], progress=progress)
