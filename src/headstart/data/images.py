"""Pictures: the one rule by which files become pixels, in training, in serving and in every export.

1. The bytes decide the format, never the file's name. JPEG, PNG, WebP, GIF, TIFF and BMP are read, nothing
   else is tried.
2. More than 150 megapixels, or none, are refused from the header. A file that ends early is refused.
3. Of an animation or of several pages the first frame is taken.
4. EXIF orientation is applied.
5. 16-bit greys become ``round(v / 257)``. 32-bit integers are read as 16-bit greys, clipped to 0..65535.
   Floats in [0, 1] become ``round(255 v)``, other floats are stretched from their least to their greatest
   value.
6. Transparency (alpha, palette, key colour) is composited over white.
7. Grey is repeated into red, green and blue; CMYK, YCbCr and Lab are converted by Pillow.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from headstart.data.items import Content, UnreadableError

#: Endings of the files that count as pictures when a folder is looked through.
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"})

#: A picture larger than this many pixels is refused from its header.
MOST_PIXELS = 150_000_000

#: The shorter side of a scaled-down JPEG stays at least this many times as long as what is asked for.
DRAFT_MARGIN = 2

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ENDINGS = {
    "JPEG": {".jpg", ".jpeg", ".jpe"},
    "PNG": {".png"},
    "GIF": {".gif"},
    "WebP": {".webp"},
    "TIFF": {".tif", ".tiff"},
    "BMP": {".bmp"},
}
# The format's own class opens a file: Image.open would warn of large ones through a global filter, and try
# other formats.
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
}
_UNSUPPORTED = {
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\0\0\x01\0": "Windows icon",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "gzip",
    b"<svg": "SVG",
    b"<?xml": "XML or SVG",
    b"<!DOCTYPE html": "a web page",
    b"<html": "a web page",
}
_HEIF_BRANDS = {
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"hevc": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
    b"avif": "AVIF",
}


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture as every part of headstart sees it.

    Attributes:
        pixels: ``uint8`` of shape ``(H, W, 3)``: red, green, blue in 0..255, upright. Scaled down where that
            was allowed.
        width: Of the original, upright, in pixels.
        height: Of the original, upright, in pixels.
        format: ``"JPEG"``, ``"PNG"``, ...; ``"array"`` for what came as numbers.
        notes: What somebody should know: animations, clipped or stretched values.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    format: str
    notes: tuple[str, ...] = ()


def decode(content: Content, *, enough: int | None = None) -> Decoded:
    """Decodes a picture by the rule at the top of this file.

    Args:
        content: Encoded bytes, or ``uint8`` of shape ``(H, W)`` or ``(H, W, 3)``.
        enough: Allows a JPEG to be decoded at 1/2, 1/4 or 1/8 of its size (libjpeg's scaled DCT) as long as
            both sides stay at least ``DRAFT_MARGIN`` × ``enough`` pixels; ``None`` decodes every pixel.

    Raises:
        UnreadableError: It cannot be decoded; ``kind`` is one of ``"empty file"``, ``"not an image"``,
            ``"unsupported format"``, ``"too large"``, ``"truncated or broken"``.
    """
    if isinstance(content, np.ndarray):
        return _from_array(content)
    kind = _format_of(content)
    if kind is None:
        raise _why_no_format(content)
    with _broken_is_unreadable(kind):
        image = _OPENERS[kind](io.BytesIO(content))
        width, height = _checked_size(image.size)
        if enough is not None and kind == "JPEG":
            image.draft(None, (DRAFT_MARGIN * enough, DRAFT_MARGIN * enough))
        image.load()
        orientation = _orientation(image)
        pixels, note = _to_rgb(image)
    several = _has_more_frames(image, kind)
    if orientation in _TURNS:
        pixels = pixels.transpose(_TURNS[orientation])
        width, height = (height, width) if orientation >= 5 else (width, height)
    notes = tuple(filter(None, [note, "first frame of several" if several else ""]))
    return Decoded(np.asarray(pixels), width, height, kind, notes)


def name_mismatch(name: str, content: bytes) -> str | None:
    """A note where a file's ending says another format than its bytes; ``None`` where they agree.

    Args:
        name: The file's name.
        content: Its bytes; the first 16 are enough.

    Example:
        >>> name_mismatch("cat.png", bytes.fromhex("ffd8ffe0"))
        "is JPEG although its name ends in '.png'"
    """
    suffix = PurePath(name).suffix.lower()
    kind = _format_of(content)
    known = any(suffix in endings for endings in _ENDINGS.values())
    if kind is None or not known or suffix in _ENDINGS[kind]:
        return None
    return f"is {kind} although its name ends in {suffix!r}"


def _from_array(array: NDArray[np.uint8]) -> Decoded:
    if array.dtype != np.uint8 or array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] != 3):
        raise UnreadableError(
            "not an image",
            f"expected uint8 of shape (H, W) or (H, W, 3), but got {array.dtype} of shape {array.shape}",
        )
    height, width = array.shape[:2]
    _checked_size((width, height))
    pixels = np.repeat(array[:, :, None], 3, axis=2) if array.ndim == 2 else array
    return Decoded(pixels, width, height, "array")


def _format_of(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def _why_no_format(content: bytes) -> UnreadableError:
    if not content:
        return UnreadableError("empty file", "the file has no bytes")
    found = _HEIF_BRANDS.get(content[8:12]) if content[4:8] == b"ftyp" else None
    found = found or next((name for magic, name in _UNSUPPORTED.items() if content.startswith(magic)), None)
    if found:
        return UnreadableError("unsupported format", f"the bytes are {found}; convert it to JPEG or PNG")
    return UnreadableError("not an image", f"the bytes begin with {content[:8]!r}, which no supported format does")


@contextmanager
def _broken_is_unreadable(kind: str) -> Iterator[None]:
    try:
        yield
    except (UnreadableError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableError("too large", str(error)) from error
    except Exception as error:  # Pillow's decoders raise nearly every kind of error on broken input
        raise UnreadableError("truncated or broken", f"{kind}: {error}") from error


def _checked_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if width < 1 or height < 1:
        raise UnreadableError("truncated or broken", f"the picture is {width} × {height} pixels")
    if width * height > MOST_PIXELS:
        raise UnreadableError(
            "too large",
            f"the header says {width} × {height} pixels, and at most {MOST_PIXELS // 10**6} megapixels are read",
        )
    return width, height


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 where it is absent or EXIF is broken, which no viewer minds either."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        return 1


def _has_more_frames(image: Image.Image, kind: str) -> bool:
    """Whether there is a second frame; a broken second frame is of no interest."""
    try:
        return kind != "JPEG" and bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def _to_rgb(image: Image.Image) -> tuple[Image.Image, str]:
    if image.mode.startswith("I") or image.mode == "F":
        grey, note = _to_8_bits(np.asarray(image))
        return Image.fromarray(grey).convert("RGB"), note
    if image.mode in {"LA", "PA", "RGBA", "La", "RGBa"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, with_alpha).convert("RGB"), ""
    return image.convert("RGB"), ""


def _to_8_bits(values: NDArray[np.generic]) -> tuple[NDArray[np.uint8], str]:
    if values.dtype.kind == "f":
        return _floats_to_8_bits(values.astype(np.float64))
    wide = values.astype(np.int64)
    clipped = np.clip(wide, 0, 65535)
    note = "values outside 0..65535 were clipped" if np.any(clipped != wide) else ""
    return ((clipped + 128) // 257).astype(np.uint8), note


def _floats_to_8_bits(values: NDArray[np.float64]) -> tuple[NDArray[np.uint8], str]:
    if not np.isfinite(values).all():
        raise UnreadableError("truncated or broken", "some pixels are NaN or infinite")
    least, greatest = float(values.min()), float(values.max())
    if least >= 0 and greatest <= 1:
        return np.rint(values * 255).astype(np.uint8), ""
    stretched = (values - least) / max(greatest - least, np.finfo(np.float64).tiny)
    return np.rint(stretched * 255).astype(np.uint8), f"values were stretched from {least:g}..{greatest:g}"
