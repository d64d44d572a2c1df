"""How fast the frozen side is computed, decoding excluded: plain PyTorch against headstart's engines."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result
from benchmarks.settings import Settings

BATCH = 32
PICTURES = 4 * BATCH
Compute = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def measure(settings: Settings) -> Result:
    """Images per second of every engine as a multiple of eager fp32, and how well its features agree."""
    pictures = load_pictures(settings.data / "cats_dogs" / "train")
    ways = {"torch eager fp32": eager(), **engines()}
    features = {name: all_features(compute, pictures) for name, compute in ways.items()}
    seconds = take_turns(ways, pictures, rounds=settings.runs)
    reference, slowest = features["torch eager fp32"], seconds["torch eager fp32"]
    figures = {
        name: {
            "images_per_second": len(pictures) / seconds[name],
            "ratio": slowest / seconds[name],
            "lowest_cosine": lowest_cosine(features[name], reference),
        }
        for name in ways
    }
    return Result(
        title="Frozen features, decoding excluded",
        method=(
            f"EfficientNet-Lite0 at 224 × 224 on {len(pictures)} decoded photos in batches of {BATCH}, "
            f"scaling of the values included; median of {settings.runs} rounds in which all take turns."
        ),
        columns=["engine", "images per second", "times eager fp32", "lowest cosine with it"],
        rows=[
            [name, f"{row['images_per_second']:.0f}", f"{row['ratio']:.1f}", f"{row['lowest_cosine']:.5f}"]
            for name, row in figures.items()
        ],
        figures=figures,
    )


def load_pictures(folder: Path) -> NDArray[np.uint8]:
    """Decoded centre crops ``(N, 224, 224, 3)`` of the first photos of a folder."""
    from PIL import Image
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    view = Compose([Resize(256, InterpolationMode.BICUBIC), CenterCrop(224)])
    files = sorted(folder.rglob("*.jpg"))
    chosen = files[:: len(files) // PICTURES][:PICTURES]
    return np.stack([np.asarray(view(Image.open(file).convert("RGB"))) for file in chosen])


def eager() -> Compute:
    """The model as its library makes it, on tensors as ``ToTensor`` and ``Normalize`` make them."""
    import torch

    from benchmarks.plain_loop import MEAN, STD, pretrained_backbone

    model = pretrained_backbone()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))

    @torch.no_grad()
    def compute(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        inputs = torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous().float().div(255)
        features: NDArray[np.float32] = model((inputs - mean) / std).numpy()
        return features

    return compute


def engines() -> dict[str, Compute]:
    """Every engine of this machine in every precision that its processor really has."""
    from headstart.backbones.catalog import open_backbone
    from headstart.features.trial import engine_trial, start_engine

    backbone = open_backbone("bundled:efficientnet_lite0")
    top = backbone.card.top.name
    started = {str(row.engine): start_engine(row.engine, backbone, [top]) for row in engine_trial(backbone)}
    return {name: lambda batch, engine=engine: engine.compute(batch)[top] for name, engine in started.items()}


def all_features(compute: Compute, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of all pictures, batch by batch."""
    return np.concatenate([compute(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)])


def take_turns(ways: dict[str, Compute], pictures: NDArray[np.uint8], *, rounds: int) -> dict[str, float]:
    """Median seconds for all pictures; in each round every way has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, compute in ways.items():
            begun = time.perf_counter()
            all_features(compute, pictures)
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in seconds.items()}


def lowest_cosine(features: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The smallest cosine between the features of one picture in both."""
    products = (features * reference).sum(axis=1)
    return float((products / np.linalg.norm(features, axis=1) / np.linalg.norm(reference, axis=1)).min())
