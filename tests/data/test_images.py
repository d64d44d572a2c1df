import io
import warnings

import numpy as np
import pytest
from PIL import Image

from headstart.data.images import MOST_PIXELS, SUFFIXES, decode, name_mismatch
from headstart.data.items import UnreadableError


def noise(height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("TIFF", {"compression": "tiff_lzw"})],
)
def test_lossless_formats_give_the_pixels_back(kind, options):
    decoded = decode(encoded(noise(), kind, **options))

    assert np.array_equal(decoded.pixels, noise())
    assert (decoded.width, decoded.height, decoded.format.upper(), decoded.notes) == (30, 20, kind, ())


def test_jpeg_equals_pillows_own_decoding():
    content = encoded(noise(), "JPEG")

    assert np.array_equal(decode(content).pixels, np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


@pytest.mark.parametrize("enough", [10, 24, 60, 200])
def test_scaled_decoding_keeps_twice_what_is_enough(enough):
    content = encoded(np.asarray(Image.fromarray(noise()).resize((640, 400))), "JPEG", quality=95)

    decoded = decode(content, enough=enough)

    assert min(decoded.pixels.shape[:2]) >= min(2 * enough, 400)
    assert (decoded.width, decoded.height) == (640, 400)
    whole = Image.fromarray(decode(content).pixels)
    scaled = np.asarray(whole.resize(decoded.pixels.shape[1::-1], Image.Resampling.BOX), dtype=float)
    assert np.abs(decoded.pixels - scaled).mean() < 2


def test_scaled_decoding_saves_the_work():
    assert decode(encoded(np.zeros((800, 800, 3), np.uint8), "JPEG"), enough=50).pixels.shape == (100, 100, 3)


def test_arrays_are_pictures_already():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)

    assert np.array_equal(decode(grey).pixels, np.stack([grey] * 3, axis=2))
    assert decode(noise()).pixels is not None
    with pytest.raises(UnreadableError, match=r"float64 of shape \(3, 4\)"):
        decode(grey.astype(np.float64))


def test_floats_in_0_1_are_scaled_and_others_stretched():
    unit = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)

    assert np.array_equal(decode(encoded(unit, "TIFF")).pixels[..., 0], np.rint(unit.astype(float) * 255))
    wide = decode(encoded(unit * 1000 - 500, "TIFF"))
    assert (wide.pixels.min(), wide.pixels.max(), wide.notes) == (0, 255, ("values were stretched from -500..500",))
    with pytest.raises(UnreadableError, match="NaN"):
        decode(encoded(unit * np.nan, "TIFF"))


def test_32_bit_integers_are_16_bit_greys_clipped():
    values = np.array([[0, 257, 65535, 70000, -5]], dtype=np.int32)

    decoded = decode(encoded(values, "TIFF"))

    assert decoded.pixels[0, :, 0].tolist() == [0, 1, 255, 255, 0]
    assert decoded.notes == ("values outside 0..65535 were clipped",)


def test_a_picture_of_100_megapixels_brings_no_warning():
    content = encoded(Image.new("L", (10_000, 10_000)), "JPEG")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(content, enough=100).width == 10_000


def test_the_bound_stands_above_what_cameras_make():
    assert 100_000_000 < MOST_PIXELS < 178_956_970  # Pillow's own hard bound


def test_names_are_compared_with_bytes():
    jpeg = encoded(noise(), "JPEG")

    assert name_mismatch("a/cat.png", jpeg) == "is JPEG although its name ends in '.png'"
    assert name_mismatch("cat.JPEG", jpeg) is None
    assert name_mismatch("cat", jpeg) is None
    assert name_mismatch("cat.png", b"no picture") is None


def test_endings_are_lower_case_with_a_dot():
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)
