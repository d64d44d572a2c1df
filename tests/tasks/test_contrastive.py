"""The loss of contrastive tuning."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine

from headstart.tasks import contrastive
from headstart.tasks.contrastive import Contrastive, PooledFeatures


def _by_hand(features, labels, *, held_out=None):
    errors = {True: [], False: []}
    first = len(labels) - (len(labels) if held_out is None else held_out)
    for i, j in itertools.combinations(range(len(labels)), 2):
        if j >= first:
            same = bool(labels[i] == labels[j])
            errors[same].append((1 - cosine(features[i], features[j]) - same) ** 2)
    return sum(np.mean(found) / 2 for found in errors.values() if found)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 0], [0, 1, 2], [1, 1, 1]])
def test_the_loss_is_that_of_all_pairs(labels):
    features = torch.randn(len(labels), 5, generator=torch.Generator().manual_seed(0))
    found = Contrastive().loss(features, torch.tensor(labels)).item()
    assert found == pytest.approx(_by_hand(features.numpy(), labels), rel=1e-5)


@pytest.mark.parametrize("held_out", [1, 4, 23, None])
def test_held_out_pairs_have_a_held_out_item(monkeypatch, held_out):
    monkeypatch.setattr(contrastive, "_ROWS", 3)
    generator = torch.Generator().manual_seed(1)
    features, labels = torch.randn(23, 4, generator=generator), torch.randint(3, (23,), generator=generator)
    found = Contrastive(held_out).held_out_loss(features.split(10), labels.split(10))
    assert found == pytest.approx(_by_hand(features.numpy(), labels.numpy(), held_out=held_out), rel=1e-5)


def test_length_and_rotation_do_not_matter():
    features, labels = torch.randn(8, 3), torch.tensor([0, 1] * 4)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3))
    task = Contrastive()
    assert torch.allclose(task.loss(features, labels), task.loss(7 * features @ rotation, labels), atol=1e-5)


def test_classes_at_right_angles_are_perfect():
    features, labels = torch.eye(3).repeat(2, 1), torch.arange(3).repeat(2)
    assert Contrastive().loss(features, labels).item() == pytest.approx(0, abs=1e-12)
    assert np.array_equal(Contrastive().decode(PooledFeatures()(features, labels)), features.numpy())
