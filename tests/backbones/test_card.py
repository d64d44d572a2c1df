"""What a card says of the preprocessing, and that old cards are still read."""

import numpy as np
import pytest

from headstart.backbones.card import BackboneCard, ImagePreprocess, Stage, crop_share

HALF = (0.5, 0.5, 0.5)


@pytest.mark.parametrize("resized", [*range(1, 60), 224, 232, 236, 256, 299, 518])
def test_a_share_leads_back_to_the_pixels_it_was_made_from(resized):
    for size in range(1, resized + 1):
        share = crop_share(size, resized)
        assert 0 < share <= 1
        assert ImagePreprocess(size, share, "bilinear", HALF, HALF).resized == resized


@pytest.mark.parametrize("mode", ["center", "squash"])
def test_a_card_is_read_as_it_was_written(mode):
    preprocess = ImagePreprocess(32, 0.875, "bicubic", HALF, HALF, mode)
    card = BackboneCard("a:b", "s", "b", "timm", "mit", "x", "p", 1, "0" * 64, preprocess, (Stage("c", 3, "NC"),))
    assert BackboneCard.from_json(card.to_json()) == card


def test_a_card_from_before_there_were_crop_modes_means_the_centre():
    preprocess = ImagePreprocess(32, 0.875, "bicubic", HALF, HALF)
    card = BackboneCard("a:b", "s", "b", "timm", "mit", "x", "p", 1, "0" * 64, preprocess, (Stage("c", 3, "NC"),))
    written = card.to_json()
    del written["preprocess"]["crop_mode"]
    assert BackboneCard.from_json(written) == card


def test_statistics_for_training_from_random_weights_are_numpys() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 3)).astype(np.uint8)
    fitted = ImagePreprocess(6, 1.0, "bilinear", (0, 0, 0), (1, 1, 1)).fitted_to([pictures[:7], pictures[7:]])
    values = pictures.reshape(-1, 3) / 255
    np.testing.assert_allclose(fitted.mean, values.mean(axis=0))
    np.testing.assert_allclose(fitted.std, values.std(axis=0))


def test_a_constant_channel_can_be_divided_by() -> None:
    grey = np.full((4, 5, 5, 3), 128, dtype=np.uint8)
    fitted = ImagePreprocess(5, 1.0, "bilinear", (0, 0, 0), (1, 1, 1)).fitted_to([grey])
    np.testing.assert_allclose(fitted.mean, 128 / 255)
    np.testing.assert_allclose(fitted.std, 1 / 255)
