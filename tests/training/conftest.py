"""The tiny backbone and the tiny pictures as fixtures."""

from collections.abc import Callable

import pytest
from tests.tiny import tiny_backbone, tiny_examples, tiny_network

from headstart.backbones.stages import StagedBackbone
from headstart.training.activations import InputExamples
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase


@pytest.fixture
def make_network() -> Callable[..., Network]:
    return tiny_network


@pytest.fixture
def make_backbone() -> Callable[..., StagedBackbone]:
    return tiny_backbone


@pytest.fixture
def make_examples() -> Callable[..., InputExamples]:
    return tiny_examples


@pytest.fixture
def phase() -> Phase:
    return Phase("bottom", LearningRates(head=0.01, backbone=0.01), epochs=6, batch_size=16, patience=6)
