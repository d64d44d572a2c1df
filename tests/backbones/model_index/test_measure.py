"""What is measured without storage is what the architecture is when it is built."""

from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from headstart.backbones import architectures
from headstart.backbones.architectures import build
from headstart.backbones.card import ImagePreprocess
from headstart.backbones.model_index.measure import count_flops, measure
from headstart.backbones.model_index.row import parse_stages
from headstart.backbones.splitting import split
from headstart.core.registry import Registry

NAMES = [
    ("headstart", "small_convnet", 16),
    ("timm", "resnet18", 64),
    ("timm", "test_vit", 160),
    ("torchvision", "mobilenet_v3_small", 64),
    ("torchvision", "regnet_x_400mf", 64),
]


def pictures(side: int) -> ImagePreprocess:
    return ImagePreprocess(side, 1.0, "bilinear", (0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize(("library", "architecture", "size"), NAMES)
def test_it_says_of_an_architecture_what_building_it_shows(library: str, architecture: str, size: int) -> None:
    measured = measure(library, architecture, pictures(size))
    model = build(library, architecture, size)
    stages = split(model, size=size).stages
    assert measured.uncut == ""
    assert measured.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert [(stage.name, stage.dim, stage.layout) for stage in parse_stages(measured.cut)] == [
        (stage.name, stage.dim, stage.layout) for stage in stages
    ]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, size, size))
    assert measured.flops == counter.get_total_flops()


def test_the_operations_of_a_convolution_by_hand() -> None:
    convolution = torch.nn.Conv2d(3, 8, 3, padding=1, device="meta")
    _, flops = count_flops(lambda: convolution(torch.empty(1, 3, 10, 10, device="meta")))
    assert flops == 2 * 8 * 100 * 27


class Unpooled(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.stem(pictures)


class Broken(Unpooled):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no\nsuch input")


def _failing() -> torch.nn.Module:
    raise ImportError("a library is missing")


@pytest.mark.parametrize(
    ("builder", "parameters", "counted", "reason"),
    [
        (Unpooled, 224, True, "not pooled"),
        (Broken, 224, False, "no such input"),
        (_failing, 0, False, "cannot be built"),
    ],
)
def test_what_cannot_be_used_says_why_and_ends_nothing(
    builder: Callable[[], torch.nn.Module],
    parameters: int,
    counted: bool,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Libraries(Registry):  # type: ignore[type-arg]
        def __getitem__(self, name: str) -> Callable[[str, int], torch.nn.Module]:
            return lambda architecture, size: builder()

    monkeypatch.setattr(architectures, "LIBRARIES", Libraries("library", {}))
    measured = measure("third_party", "odd", pictures(16))
    assert reason in measured.uncut
    assert "\n" not in measured.uncut
    assert measured.cut == ""
    assert measured.parameters == parameters
    assert (measured.flops is not None) == counted
