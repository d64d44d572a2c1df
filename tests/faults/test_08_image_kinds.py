"""Fault 8: CMYK, 16 bits, palettes, transparency, animations, EXIF rotation and wrong endings: one documented rule."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from headstart.data.images import decode, name_mismatch


def smooth(height: int = 24, width: int = 36) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(smooth()), kind, exif=exif)

    decoded = decode(content)

    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    assert np.array_equal(decoded.pixels, expected)
    assert (decoded.width, decoded.height) == ((24, 36) if orientation >= 5 else (36, 24))


def test_orientation_holds_under_scaled_decoding():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(Image.fromarray(smooth(400, 640)), "JPEG", exif=exif, quality=95)

    decoded = decode(content, enough=50)

    assert decoded.pixels.shape == (160, 100, 3)
    assert (decoded.width, decoded.height) == (400, 640)
    small = np.asarray(Image.fromarray(decode(content).pixels).resize((100, 160), Image.Resampling.BOX), dtype=float)
    assert np.abs(decoded.pixels - small).mean() < 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_divided_by_257_and_rounded(kind):
    values = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)

    pixels = decode(encoded(Image.fromarray(values), kind)).pixels

    assert np.array_equal(pixels[..., 0], np.round(values / 257))
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_8_bit_grey_in_16_bits_comes_back_exactly():
    grey = np.arange(256, dtype=np.uint16)[None] * 257

    assert decode(encoded(Image.fromarray(grey), "PNG")).pixels[0, :, 1].tolist() == list(range(256))


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palettes_become_rgb(mode):
    image = Image.fromarray(smooth()).convert(mode)

    assert np.array_equal(decode(encoded(image, "PNG")).pixels, np.asarray(image.convert("RGB")))


def test_cmyk_keeps_its_colours():
    image = Image.fromarray(smooth()).convert("CMYK")

    decoded = decode(encoded(image, "JPEG", quality=100))

    assert np.abs(decoded.pixels.astype(int) - smooth()).mean() < 3
    assert np.array_equal(decode(encoded(image, "TIFF")).pixels, np.asarray(image.convert("RGB")))


def test_transparency_is_composited_over_white():
    rgba = np.dstack([smooth(), np.full((24, 36), 128, np.uint8)])
    expected = smooth() * (128 / 255) + 255 * (127 / 255)

    for kind in ("PNG", "TIFF"):
        assert np.abs(decode(encoded(Image.fromarray(rgba), kind)).pixels - expected).max() <= 1
    invisible = rgba * np.array([1, 1, 1, 0], np.uint8)
    assert decode(encoded(Image.fromarray(invisible), "PNG")).pixels.min() == 255


def test_palette_grey_and_colour_with_a_transparent_key():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])
    for kind in ("PNG", "GIF"):
        assert decode(encoded(palette, kind, transparency=0)).pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]
    grey = Image.fromarray(np.array([[7, 8]], np.uint8))
    assert decode(encoded(grey, "PNG", transparency=7)).pixels[0, :, 0].tolist() == [255, 8]
    colour = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert decode(encoded(colour, "PNG", transparency=(1, 2, 3))).pixels.tolist() == [[[255, 255, 255], [4, 5, 6]]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_several_is_taken_and_noted(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    options = {"lossless": True} if kind == "WEBP" else {}

    decoded = decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options))

    assert decoded.pixels[4, 4].tolist() == [255, 0, 0]
    assert decoded.notes == ("first frame of several",)


def test_the_bytes_decide_and_not_the_name():
    content = encoded(Image.fromarray(smooth()), "PNG")

    assert decode(content).format == "PNG"
    assert name_mismatch("photo.jpg", content) == "is PNG although its name ends in '.jpg'"
