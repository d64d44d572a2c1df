"""Pictures: photos, scans, drawings."""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.catalog import DEFAULT_BACKBONE
from headstart.core.machine import version
from headstart.data import image_views, images
from headstart.data.inspection import Inspection
from headstart.data.items import Content
from headstart.data.modality import Exhibit, Modality, Prepared, SmallNetwork
from headstart.evaluation.plain import DensePlainModel

#: Raised whenever data/images.py or data/image_views.py comes to give another value.
RULE = "image rule 1"
#: Side of the pictures that the raw-pixel baseline learns from.
PLAIN_SIDE = 32
PLAIN_NAME = "raw pixels"
#: The sides in pixels for which the small network is made.
SMALL_SIDES = (8, 64)
_HALF = (0.5, 0.5, 0.5)


def _rule() -> str:
    return f"{RULE}, pillow {version('pillow')}"


def _prepare(content: Content, preprocess: ImagePreprocess | None) -> Prepared:
    decoded = images.decode(content, enough=preprocess.resized if preprocess else None)
    small = image_views.small_picture(decoded.pixels, side=PLAIN_SIDE)
    return Prepared(
        inspection=Inspection(
            content_digest=image_views.pixels_digest(decoded.pixels),
            near_hash=image_views.perceptual_hash(small),
            size=(decoded.width, decoded.height),
            notes=decoded.notes,
        ),
        inputs=_inputs(decoded.pixels, preprocess) if preprocess else np.empty(0, dtype=np.uint8),
        plain=small.reshape(-1),
    )


def _inputs(pixels: NDArray[np.uint8], preprocess: ImagePreprocess) -> NDArray[np.uint8]:
    return image_views.prepare(
        pixels,
        resized=preprocess.resized,
        size=preprocess.size,
        interpolation=preprocess.interpolation,
        crop_mode=preprocess.crop_mode,
    )


def _prepare_reference(content: Content, preprocess: ImagePreprocess) -> NDArray[Any]:
    return image_views.prepare_reference(
        images.decode(content).pixels,
        resized=preprocess.resized,
        size=preprocess.size,
        interpolation=preprocess.interpolation,
        crop_mode=preprocess.crop_mode,
    )


def _augment(
    content: Content, preprocess: ImagePreprocess, chance: np.random.Generator, admitted: Collection[str]
) -> NDArray[np.uint8]:
    # The smallest crop has to find as many pixels as the whole picture does in _prepare.
    enough = math.ceil(preprocess.resized / math.sqrt(image_views.LEAST_AREA))
    inputs = image_views.random_resized_crop(
        images.decode(content, enough=enough).pixels,
        chance,
        size=preprocess.size,
        interpolation=preprocess.interpolation,
    )
    for name in sorted(admitted):
        if chance.random() < 0.5:
            inputs = _INVARIANCES[name](inputs)
    return inputs


def _mirrored(inputs: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(inputs[:, ::-1])


_INVARIANCES = {"mirrored": _mirrored}


def _jitter(pictures: Any, generator: Any) -> Any:
    from headstart.training.augment import Augmentation

    return Augmentation()(pictures, generator)


def _small_network(inspections: Sequence[Inspection], preprocess: ImagePreprocess) -> SmallNetwork:
    """At the median shorter side of the items, within what the network is made for."""
    side = int(np.clip(np.median([min(inspection.size) for inspection in inspections]), *SMALL_SIDES))
    return SmallNetwork("headstart", "small_convnet", ImagePreprocess(side, 1.0, "bicubic", _HALF, _HALF))


def _exhibit(content: Content) -> Exhibit:
    picture = image_views.thumbnail(images.decode(content, enough=160).pixels)
    return Exhibit(picture="data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii"))


def _mismatch(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return images.name_mismatch(path.name, stream.read(16))
    except OSError:
        return None  # decoding will name it


IMAGE = Modality(
    name="image",
    item_word="photo",
    examples=("photo.jpg", "folder/"),
    suffixes=images.SUFFIXES,
    default_backbone=DEFAULT_BACKBONE,
    plain_name=PLAIN_NAME,
    size_name="width and height in pixels",
    takes=frozenset({ImagePreprocess.kind}),
    feature="Image",
    rule=_rule,
    prepare=_prepare,
    prepare_reference=_prepare_reference,
    augment=_augment,
    invariances=_INVARIANCES,
    jitter=_jitter,
    plain_model=DensePlainModel(PLAIN_NAME),
    small_network=_small_network,
    exhibit=_exhibit,
    mismatch=_mismatch,
)
