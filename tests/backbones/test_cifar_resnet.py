"""The residual networks for CIFAR, against the paper's counts and against weights that others trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
from headstart.backbones.cifar_resnet import ResidualBlock

#: Accuracy on the copies of CIFAR-10's test pictures in the test data, measured with the author's own network.
MEASURED = {"resnet20-12fca82f": 0.795, "resnet56-4bfd9763": 0.838}


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_depth_and_parameters_are_those_of_the_paper(depth: int, millions: float) -> None:
    """Table 6 of the paper; the classifier of 650 parameters is gone."""
    model = build("headstart", f"cifar_resnet{depth}", 32)
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) + 1 == depth
    assert sum(p.numel() for p in model.parameters()) + 650 == pytest.approx(millions * 1e6, abs=0.01e6)


def test_the_shortcut_takes_every_second_place_and_adds_zeros() -> None:
    block = ResidualBlock(2, 4).eval()
    with torch.no_grad():
        block.bn2.weight.zero_()
    hidden = torch.rand(1, 2, 4, 4)
    found = block(hidden)
    torch.testing.assert_close(found[:, 1:3], hidden[:, :, ::2, ::2])
    assert not found[:, [0, 3]].any()


@pytest.mark.data
@pytest.mark.parametrize("name", MEASURED)
def test_weights_of_others_load_as_they_are_and_recognise_cifar(name: str, real_data: Path) -> None:
    file = real_data.parent / "weights" / "resnet_cifar10" / f"{name}.th"
    if not file.is_file():
        pytest.skip("needs the weights beside HEADSTART_TEST_DATA")
    converted = open_backbone(f"file:{file}", architecture=f"headstart:cifar_{name.partition('-')[0]}")
    assert "left the classifier out (linear.weight, linear.bias)" in converted.card.source
    pictures, labels = cifar10(real_data)
    with torch.inference_mode():
        features = converted.load()(normalised(pictures)).numpy()
    predicted = converted.source_classifier().probabilities(features).argmax(1)
    assert np.mean(predicted == labels) == pytest.approx(MEASURED[name], abs=0.03)


def cifar10(real_data: Path) -> tuple[Tensor, np.ndarray]:
    """The test pictures at hand, uint8, and their labels in the usual order: that of the alphabet."""
    folder = real_data / "cifar10" / "test"
    classes = sorted(path.name for path in folder.iterdir())
    files = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
    pictures = np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in files])
    return torch.from_numpy(pictures), np.array([label for _, label in files])


def normalised(pictures: Tensor) -> Tensor:
    values = pictures.permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(row).view(3, 1, 1) for row in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (values - mean) / std


def test_other_sizes_are_taken() -> None:
    assert build("headstart", "cifar_resnet20", 16)(torch.rand(2, 3, 16, 16)).shape == (2, 64)
