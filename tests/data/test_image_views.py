import io

import numpy as np
import pytest
from PIL import Image

from headstart.core.errors import UsageError
from headstart.data.image_views import (
    perceptual_hash,
    pixels_digest,
    prepare,
    prepare_reference,
    small_picture,
    thumbnail,
)
from headstart.data.images import SUFFIXES, decode
from headstart.data.readers.reading import read_data

SHAPES = [(1, 1), (7, 300), (28, 28), (32, 32), (199, 223), (224, 224), (256, 256), (257, 255), (333, 500), (1023, 771)]


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "crop", "interpolation"), [(224, 0.875, "bicubic"), (64, 0.95, "bilinear"), (33, 1.0, "bicubic")]
)
def test_reference_equals_timms_transform_bit_for_bit(size, crop, interpolation):
    import timm.data

    transform = timm.data.create_transform(
        (3, size, size), crop_pct=crop, interpolation=interpolation, mean=(0, 0, 0), std=(1, 1, 1)
    )
    for shape in SHAPES:
        pixels = noise(*shape)
        expected = (transform(Image.fromarray(pixels)).numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0)
        found = prepare_reference(pixels, resized=int(size / crop), size=size, interpolation=interpolation)
        assert np.array_equal(found, expected), shape


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("resized", "size"), [(256, 224), (67, 64), (33, 33)])
def test_one_step_differs_from_the_reference_by_rounding_only(resized, size, interpolation):
    for shape in SHAPES:
        fast, reference = (
            function(noise(*shape), resized=resized, size=size, interpolation=interpolation).astype(int)
            for function in (prepare, prepare_reference)
        )
        assert np.abs(fast - reference).max() <= 2, shape
        assert (fast != reference).mean() < 0.02, shape


@pytest.mark.data
def test_the_whole_fast_path_is_near_the_reference_on_real_photos(real_data):
    options = {"resized": 256, "size": 224, "interpolation": "bicubic"}
    differences = []
    for item in read_data(real_data / "ants_bees", suffixes=SUFFIXES).items[::4]:
        content = item.source.read()
        fast = prepare(decode(content, enough=256).pixels, **options).astype(int)
        differences.append(np.abs(fast - prepare_reference(decode(content).pixels, **options)).mean())
    assert np.median(differences) < 0.05
    assert max(differences) < 2


def test_a_crop_larger_than_the_picture_is_refused():
    for function in (prepare, prepare_reference):
        with pytest.raises(UsageError, match="at most 100"):
            function(noise(10, 10), resized=100, size=101, interpolation="bicubic")


def test_small_pictures():
    pixels = noise(32, 32)

    assert small_picture(pixels) is pixels
    assert small_picture(noise(50, 20), side=8).shape == (8, 8, 3)
    assert np.array_equal(small_picture(np.full((9, 70, 3), 77, np.uint8)), np.full((32, 32, 3), 77))


def test_hash_is_by_the_book():
    pixels = smooth(80, 90)
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BILINEAR)).astype(int)

    expected = sum(
        1 << (8 * row + column) for row in range(8) for column in range(8) if grey[row, column] > grey[row, column + 1]
    )

    assert perceptual_hash(pixels) == expected
    assert 0 <= expected < 2**64


def test_hash_hardly_changes_with_size_and_much_with_content():
    pixels = smooth(300, 400)
    half = np.asarray(Image.fromarray(pixels).resize((200, 150)))

    assert (perceptual_hash(pixels) ^ perceptual_hash(half)).bit_count() <= 3
    assert (perceptual_hash(pixels) ^ perceptual_hash(smooth(300, 400, seed=1))).bit_count() > 10


def test_digest_is_of_pixels_and_shape():
    pixels = noise(4, 6)

    assert pixels_digest(pixels) == pixels_digest(np.ascontiguousarray(pixels[:, ::-1])[:, ::-1])
    assert pixels_digest(pixels) != pixels_digest(pixels.reshape(6, 4, 3))
    assert pixels_digest(pixels) != pixels_digest(pixels ^ np.uint8(1))


def test_thumbnail_is_a_small_jpeg_of_the_same_shape():
    image = Image.open(io.BytesIO(thumbnail(smooth(300, 600), side=100)))

    assert (image.format, image.size) == ("JPEG", (100, 50))
