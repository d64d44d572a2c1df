"""What is made of a decoded picture: a backbone's input, the raw-pixel baseline's, a hash, a thumbnail."""

from __future__ import annotations

import hashlib
import io
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headstart.core.errors import UsageError

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_THUMBNAIL_QUALITY = 80

#: A random crop covers from this share of the picture's area to all of it.
LEAST_AREA = 0.35
_LOG_RATIO = math.log(4 / 3)
_TRIES = 10


def prepare(
    pixels: NDArray[np.uint8],
    *,
    resized: int,
    size: int,
    interpolation: Literal["bilinear", "bicubic"],
    crop_mode: Literal["center", "squash"] = "center",
) -> NDArray[np.uint8]:
    """Resizes and crops in one step: only the pixels that stay are computed.

    Equals :func:`prepare_reference` on the same pixels but for rare differences of one level, at most two, where Pillow
    rounds the box's corners to single precision.

    Args:
        pixels: ``(H, W, 3)``.
        resized: Length of the shorter side before the crop.
        size: Side of the centre crop, at most ``resized``.
        interpolation: The antialiased filter.
        crop_mode: ``"squash"`` resizes both sides to ``resized``, whatever the picture's proportions.

    Returns:
        ``uint8`` of shape ``(size, size, 3)``.

    Raises:
        UsageError: The crop is larger than the resized picture.
    """
    height, width = pixels.shape[:2]
    new_width, new_height = _resized_shape(width, height, resized=resized, size=size, crop_mode=crop_mode)
    left, top = _crop_start(new_width, size), _crop_start(new_height, size)
    across, down = width / new_width, height / new_height
    box = (left * across, top * down, (left + size) * across, (top + size) * down)
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((size, size), _FILTERS[interpolation], box=box))


def prepare_reference(
    pixels: NDArray[np.uint8],
    *,
    resized: int,
    size: int,
    interpolation: Literal["bilinear", "bicubic"],
    crop_mode: Literal["center", "squash"] = "center",
) -> NDArray[np.uint8]:
    """The textbook transform, bit for bit as timm and torchvision do it: resize the whole, then crop.

    The shorter side becomes ``resized``, the longer one ``floor(resized · longer / shorter)``; the crop
    begins at ``round((side − size) / 2)``, halves to even.

    Args:
        pixels: ``(H, W, 3)``.
        resized: Length of the shorter side before the crop.
        size: Side of the centre crop, at most ``resized``.
        interpolation: The antialiased filter.
        crop_mode: ``"squash"`` resizes both sides to ``resized``, whatever the picture's proportions.

    Returns:
        ``uint8`` of shape ``(size, size, 3)``.

    Raises:
        UsageError: The crop is larger than the resized picture.
    """
    height, width = pixels.shape[:2]
    new_width, new_height = _resized_shape(width, height, resized=resized, size=size, crop_mode=crop_mode)
    whole = np.asarray(Image.fromarray(pixels).resize((new_width, new_height), _FILTERS[interpolation]))
    left, top = _crop_start(new_width, size), _crop_start(new_height, size)
    return whole[top : top + size, left : left + size]


def random_resized_crop(
    pixels: NDArray[np.uint8],
    chance: np.random.Generator,
    *,
    size: int,
    interpolation: Literal["bilinear", "bicubic"],
) -> NDArray[np.uint8]:
    """A random part of the picture, squeezed into a square (Szegedy et al., "Going Deeper with Convolutions", 2015).

    Its area is drawn evenly from [:data:`LEAST_AREA`, 1] of the picture's, its ratio of width to height evenly on a
    logarithmic scale from [3/4, 4/3], and its place evenly. Where ten draws do not fit into the picture, it is the
    square in the middle. Szegedy et al. begin at an area of 0.08; so small a part often lacks what the label names.

    Args:
        pixels: ``(H, W, 3)``.
        chance: Where the draws come from.
        size: Side of the result, in pixels.
        interpolation: The antialiased filter.

    Returns:
        ``uint8`` of shape ``(size, size, 3)``.
    """
    box = _random_box(pixels.shape[1], pixels.shape[0], chance)
    return np.asarray(Image.fromarray(pixels).resize((size, size), _FILTERS[interpolation], box=box))


def small_picture(pixels: NDArray[np.uint8], side: int = 32) -> NDArray[np.uint8]:
    """The whole picture squeezed to ``(side, side, 3)``, for the raw-pixel baseline and near duplicates."""
    if pixels.shape[:2] == (side, side):
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0))


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """A 64-bit difference hash: pictures that look alike differ in few bits.

    The picture is squeezed to 9 × 8 greys; bit 8 *r* + *c* says whether grey (*r*, *c*) is brighter than its
    right neighbour (N. Krawetz, "Kind of like that", 2013).
    """
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BILINEAR))
    bits = np.packbits(grey[:, :-1] > grey[:, 1:], bitorder="little")
    return int.from_bytes(bits.tobytes(), "little")


def thumbnail(pixels: NDArray[np.uint8], side: int = 160) -> bytes:
    """A JPEG whose longer side is at most ``side`` pixels, for the report."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_THUMBNAIL_QUALITY)
    return stream.getvalue()


def pixels_digest(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 over shape and pixels: the same for two files exactly where they are equal once decoded."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def _random_box(width: int, height: int, chance: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a random part, in pixels and parts of pixels."""
    for _ in range(_TRIES):
        area = chance.uniform(LEAST_AREA, 1) * width * height
        ratio = math.exp(chance.uniform(-_LOG_RATIO, _LOG_RATIO))
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = chance.uniform(0, width - across), chance.uniform(0, height - down)
            return left, top, min(left + across, width), min(top + down, height)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _resized_shape(
    width: int, height: int, *, resized: int, size: int, crop_mode: Literal["center", "squash"]
) -> tuple[int, int]:
    if size > resized:
        raise UsageError(f"Expected a crop of at most {resized} pixels, but got {size}; choose a smaller one.")
    if crop_mode == "squash":
        return resized, resized
    if width <= height:
        return resized, int(resized * height / width)
    return int(resized * width / height), resized


def _crop_start(side: int, size: int) -> int:
    return round((side - size) / 2.0)
