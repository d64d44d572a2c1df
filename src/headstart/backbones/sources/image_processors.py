"""What transformers' image processors do to a picture, as an :class:`ImagePreprocess`.

Where what is cropped away is an odd number of pixels, theirs begins the crop at the half rounded down and headstart, as
torchvision does, at the half rounded to even: such pictures may be one pixel apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from headstart.backbones.card import CropMode, ImagePreprocess, Interpolation, crop_share
from headstart.core.errors import UnavailableError

#: The processors that are understood; their "Fast" forms and old names ("FeatureExtractor") count as the same.
PROCESSORS = (
    "BeitImageProcessor",
    "BitImageProcessor",
    "ConvNextImageProcessor",
    "DeiTImageProcessor",
    "ViTImageProcessor",
)

#: Pillow's numbers.
_INTERPOLATIONS: dict[int, Interpolation] = {2: "bilinear", 3: "bicubic"}

#: From this side on ConvNeXt's processor squashes the whole picture instead of cropping it.
_CONVNEXT_SQUASHES = 384


def preprocess_of(settings: Mapping[str, Any], *, default: str, name: str) -> ImagePreprocess:
    """The preprocessing that a ``preprocessor_config.json`` asks for; what it leaves open has the library's defaults.

    Args:
        settings: What the file holds.
        default: The processor of a file that does not name one.
        name: The model's, for messages.

    Raises:
        UnavailableError: It asks for something that :class:`ImagePreprocess` cannot say; the message lists it all.
    """
    processor = _processor_name(settings, default)
    if processor not in PROCESSORS:
        raise UnavailableError(
            f"Expected {name} to prepare pictures with one of {', '.join(PROCESSORS)}, but it names {processor}; "
            "choose another model."
        )
    import transformers

    values = getattr(transformers, processor).from_dict(dict(settings)).to_dict()
    crop_mode, resized = _resized(processor, values)
    size = _size(processor, values, crop_mode, resized)
    if problems := _problems(values, resized, size):
        raise UnavailableError(
            f"Expected {name} to take square RGB pictures, resized, cropped and normalised, but its image processor "
            f"asks for {' and '.join(problems)}; choose another model."
        )
    normalised = values.get("do_normalize", True)
    mean, std = (values["image_mean"], values["image_std"]) if normalised else ((0.0,) * 3, (1.0,) * 3)
    red, green, blue = map(float, mean)
    red_std, green_std, blue_std = map(float, std)
    return ImagePreprocess(
        size,
        crop_share(size, resized),
        _INTERPOLATIONS[int(values["resample"])],
        (red, green, blue),
        (red_std, green_std, blue_std),
        crop_mode,
    )


def _processor_name(settings: Mapping[str, Any], default: str) -> str:
    named = str(settings.get("image_processor_type") or settings.get("feature_extractor_type") or default)
    return named.removesuffix("Fast").replace("FeatureExtractor", "ImageProcessor")


def _resized(processor: str, values: Mapping[str, Any]) -> tuple[CropMode, int]:
    """Which sides are resized, and to how many pixels; 0 where that is not said."""
    size = dict(values.get("size") or {})
    edge = int(size.get("shortest_edge") or 0)
    if processor == "ConvNextImageProcessor" and edge:
        share = float(values.get("crop_pct") or 1)
        return ("center", int(edge / share)) if edge < _CONVNEXT_SQUASHES else ("squash", edge)
    if edge:
        return "center", edge
    return "squash", int(size["height"]) if size.get("height") and size.get("height") == size.get("width") else 0


def _size(processor: str, values: Mapping[str, Any], crop_mode: CropMode, resized: int) -> int:
    """Side of the result; 0 where it is not square."""
    if processor == "ConvNextImageProcessor":
        return int(dict(values["size"]).get("shortest_edge") or 0)
    if values.get("do_center_crop"):
        crop = dict(values.get("crop_size") or {})
        return int(crop["height"]) if crop.get("height") and crop.get("height") == crop.get("width") else 0
    return resized if crop_mode == "squash" else 0


def _problems(values: Mapping[str, Any], resized: int, size: int) -> list[str]:
    factor = float(values.get("rescale_factor") or 0)
    found = {
        "no resize": not values.get("do_resize"),
        f"a size of {values.get('size')} and a crop of {values.get('crop_size')}": not 0 < size <= resized,
        f"the resampling {values.get('resample')!r}": values.get("resample") not in _INTERPOLATIONS,
        f"a rescaling by {factor:g}": not (values.get("do_rescale") and math.isclose(factor, 1 / 255, rel_tol=1e-3)),
        "padding": bool(values.get("do_pad")),
    }
    return [problem for problem, there in found.items() if there]
