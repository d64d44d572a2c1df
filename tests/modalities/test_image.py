"""The image manifest: random changes that follow from their arguments alone."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.card import ImagePreprocess
from headstart.modalities.image import IMAGE

PREPROCESS = ImagePreprocess(64, 0.875, "bicubic", (0, 0, 0), (1, 1, 1))


def photo(width, height):
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def augmented(content, seed, admitted=()):
    return IMAGE.augment(content, PREPROCESS, np.random.default_rng(seed), admitted)


def test_an_augmented_picture_follows_from_its_arguments_alone():
    content = photo(90, 70)
    first = augmented(content, 3, ("mirrored",))
    np.testing.assert_array_equal(first, augmented(content, 3, {"mirrored"}))
    assert (first.shape, first.dtype) == ((64, 64, 3), np.uint8)
    assert not np.array_equal(first, augmented(content, 4, ("mirrored",)))


def test_a_backbone_that_squashes_sees_the_whole_of_a_wide_picture():
    content, squashing = photo(200, 50), replace(PREPROCESS, crop=1.0, crop_mode="squash")
    whole = np.asarray(Image.open(io.BytesIO(content)).resize((64, 64), Image.Resampling.BICUBIC)).astype(int)
    for inputs in (IMAGE.prepare(content, squashing).inputs, IMAGE.prepare_reference(content, squashing)):
        assert np.abs(inputs - whole).max() <= 2


def test_an_admitted_invariance_is_applied_to_half_of_the_pictures():
    content, mirrored = photo(90, 70), IMAGE.invariances["mirrored"]
    changed = 0
    for seed in range(200):
        plain, found = augmented(content, seed), augmented(content, seed, ("mirrored",))
        changed += np.array_equal(found, mirrored(plain)) and not np.array_equal(found, plain)
        assert np.array_equal(found, plain) or np.array_equal(found, mirrored(plain))
    assert 70 < changed < 130


def test_mirroring_exchanges_left_and_right():
    given = np.arange(24).reshape(2, 4, 3)
    np.testing.assert_array_equal(IMAGE.invariances["mirrored"](given), given[:, [3, 2, 1, 0]])


def test_an_invariance_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match="turned"):
        for seed in range(20):
            augmented(photo(90, 70), seed, ("turned",))


def test_scaled_decoding_leaves_the_smallest_crop_enough_pixels(monkeypatch):
    """What comes of a photo decoded at half its size is what comes of all of it, but for a few levels."""
    content = photo(2000, 1500)
    whole = np.asarray(Image.open(io.BytesIO(content)))
    differences = [np.abs(augmented(content, seed).astype(int) - augmented(whole, seed)).mean() for seed in range(10)]
    assert 0 < max(differences) < 1
