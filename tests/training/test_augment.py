import pytest
import torch

from headstart.training.augment import Augmentation, random_flip, random_shift


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_shift_is_a_crop_of_the_picture_padded_with_its_border() -> None:
    pictures = torch.randint(0, 256, (40, 7, 9, 3), dtype=torch.uint8)
    padded = torch.nn.functional.pad(pictures.permute(0, 3, 1, 2).float(), (2, 2, 2, 2), mode="replicate")
    padded = padded.permute(0, 2, 3, 1).to(torch.uint8)
    seen = set()
    for index, moved in enumerate(random_shift(pictures, 2, chance())):
        crops = {(y, x): padded[index, y : y + 7, x : x + 9] for y in range(5) for x in range(5)}
        matches = [place for place, crop in crops.items() if torch.equal(crop, moved)]
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) > 10


def test_no_shift_leaves_the_pictures_as_they_are() -> None:
    pictures = torch.rand(4, 8, 8, 3)
    assert torch.equal(random_shift(pictures, 0, chance()), pictures)


def test_about_half_of_the_pictures_are_mirrored() -> None:
    pictures = torch.rand(400, 2, 3, 3)
    flipped = random_flip(pictures, chance())
    same = [torch.equal(before, after) for before, after in zip(pictures, flipped, strict=True)]
    mirrored = [torch.equal(before.flip(1), after) for before, after in zip(pictures, flipped, strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert sum(mirrored) == pytest.approx(200, abs=40)


def test_the_default_never_mirrors() -> None:
    left = torch.zeros(200, 16, 16, 1)
    left[:, :, :4] = 1.0
    changed = Augmentation()(left, chance())
    assert not torch.equal(changed, left)
    assert bool((changed[:, :, 0] == 1).all()) and bool((changed[:, :, 8:] == 0).all())
    assert bool((Augmentation(flip=True)(left, chance())[:, :, 12:] == 1).any())


def test_the_same_chance_gives_the_same_pictures() -> None:
    pictures = torch.rand(8, 16, 16, 3)
    augmentation = Augmentation(flip=True)
    assert torch.equal(augmentation(pictures, chance(3)), augmentation(pictures, chance(3)))
    assert not torch.equal(augmentation(pictures, chance(3)), augmentation(pictures, chance(4)))
