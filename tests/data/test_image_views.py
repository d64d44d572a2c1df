import io

import numpy as np
import pytest
from PIL import Image

from headstart.core.errors import UsageError
from headstart.data.image_views import (
    LEAST_AREA,
    perceptual_hash,
    pixels_digest,
    prepare,
    prepare_reference,
    random_resized_crop,
    small_picture,
    thumbnail,
)
from headstart.data.images import decode
from headstart.data.readers.reading import read_data
from headstart.modalities.image import IMAGE

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
    for item in read_data(real_data / "ants_bees", wanted=IMAGE).items[::4]:
        content = item.source.read()
        fast = prepare(decode(content, enough=256).pixels, **options).astype(int)
        differences.append(np.abs(fast - prepare_reference(decode(content).pixels, **options)).mean())
    assert np.median(differences) < 0.05
    assert max(differences) < 2


@pytest.mark.parametrize("function", [prepare, prepare_reference])
@pytest.mark.parametrize(("resized", "size"), [(64, 64), (67, 64)])
def test_squashing_resizes_both_sides_whatever_the_proportions(function, resized, size):
    start, allowed = round((resized - size) / 2), 2 if function is prepare else 0
    for shape in SHAPES:
        pixels = noise(*shape)
        whole = np.asarray(Image.fromarray(pixels).resize((resized, resized), Image.Resampling.BILINEAR)).astype(int)
        found = function(pixels, resized=resized, size=size, interpolation="bilinear", crop_mode="squash")
        assert found.shape == (size, size, 3)
        assert np.abs(found - whole[start : start + size, start : start + size]).max() <= allowed


def test_of_a_square_picture_both_ways_of_resizing_make_the_same():
    for mode in ("center", "squash"):
        found = prepare_reference(noise(90, 90), resized=70, size=64, interpolation="bicubic", crop_mode=mode)
        assert np.array_equal(found, prepare_reference(noise(90, 90), resized=70, size=64, interpolation="bicubic"))


def test_a_crop_larger_than_the_picture_is_refused():
    for function in (prepare, prepare_reference):
        with pytest.raises(UsageError, match="at most 100"):
            function(noise(10, 10), resized=100, size=101, interpolation="bicubic")


def gradient(height: int, width: int) -> np.ndarray:
    """Red says how far to the right a pixel is, green how far down, in 0..255."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([across, down, np.zeros_like(across)], axis=2).round().astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(300, 300), (240, 400)])
def test_a_random_crop_keeps_to_its_bounds(height, width):
    pixels, areas, ratios, middles = gradient(height, width), [], [], []
    for seed in range(300):
        crop = random_resized_crop(pixels, np.random.default_rng(seed), size=64, interpolation="bilinear").astype(float)
        # The first and the last place of 64 are 63/64 of a side apart.
        across, down = (crop[0, -1, 0] - crop[0, 0, 0]) * 64 / 63, (crop[-1, 0, 1] - crop[0, 0, 1]) * 64 / 63
        areas.append(across * down / 255**2)
        ratios.append(across * width / (down * height))
        middles.append(crop[32, 32, :2] / 255)
    assert LEAST_AREA - 0.03 < min(areas) < LEAST_AREA + 0.1
    most = min(1, 4 / 3 * height / width)  # of the widest crop that fits
    assert most - 0.15 < max(areas) < most + 0.03
    assert 0.7 < min(ratios) < 0.8
    assert 1.25 < max(ratios) < 1.4
    assert np.abs(np.mean(middles, axis=0) - 0.5).max() < 0.03


def test_a_random_crop_of_a_picture_too_narrow_for_any_is_the_square_in_its_middle():
    pixels = gradient(10, 400)
    crop = random_resized_crop(pixels, np.random.default_rng(0), size=10, interpolation="bilinear")
    assert np.array_equal(crop, pixels[:, 195:205])


def test_a_random_crop_follows_from_its_chance_alone_and_takes_the_smallest_picture():
    for shape in SHAPES:
        first, again, other = (
            random_resized_crop(noise(*shape), np.random.default_rng(seed), size=32, interpolation="bicubic")
            for seed in (1, 1, 2)
        )
        assert first.shape == (32, 32, 3)
        assert np.array_equal(first, again)
        assert shape in {(1, 1), (7, 300)} or not np.array_equal(first, other)


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
