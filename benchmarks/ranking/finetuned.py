"""What fine-tuning all stages reaches in a fixed small number of epochs: the other thing that a score may foresee.

The plan of ``--strategy finetune``: it begins at the probe and trains all stages by its rates, the lower ones more
slowly. There is no search and no choice but that of the best epoch, by every fifth training item.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.ranking.data import RankingData
from headstart.backbones.converted import ConvertedBackbone
from headstart.data.modality import MODALITIES
from headstart.features.rows import ArrayRows
from headstart.tasks.classification import Classification
from headstart.training.activations import InputExamples
from headstart.training.augment import Augmentation
from headstart.training.inference import answers
from headstart.training.loop import Loop
from headstart.training.plan import PlannedPhase, steps_per_epoch
from headstart.transfer.probe import fit_probe
from headstart.transfer.strategy import FINETUNE
from headstart.transfer.tuning import network_from_probe

#: Small enough for a CPU: the data sets on which ``--finetune`` measures, and for how many epochs.
DATA_SETS = ("ants_bees", "cats_dogs", "pacs_photo", "pacs_sketch")
EPOCHS = 5


def finetuned_accuracy(converted: ConvertedBackbone, features: NDArray[np.float32], data: RankingData) -> float:
    """Test accuracy after :data:`EPOCHS` epochs.

    Args:
        converted: The backbone.
        features: ``(N, D)``, its pooled output for all items; the probe that training begins with is fitted to them.
        data: The data set.
    """
    places = np.arange(len(data.items))
    validation = places[: data.trained : 5]
    train = np.setdiff1d(places[: data.trained], validation)
    probe = fit_probe(ArrayRows(features[train]), data.labels[train], classes=data.classes)
    network, task = network_from_probe(converted.load(), probe.head), Classification(data.classes)
    inputs = _inputs(converted, data)
    loop = Loop(
        network,
        task,
        train=_examples(converted, inputs, data, train),
        validation=_examples(converted, inputs, data, validation),
    )
    phase = replace(FINETUNE.phases[0], epochs=EPOCHS, patience=EPOCHS)
    loop.fit([PlannedPhase(phase, EPOCHS, steps_per_epoch(phase, len(train)), "float32", epoch_seconds=0.0)])
    test = places[data.trained :]
    probabilities = np.concatenate(answers(network, task, _examples(converted, inputs, data, test)))
    return float((probabilities.argmax(axis=1) == data.labels[test]).mean())


def _inputs(converted: ConvertedBackbone, data: RankingData) -> NDArray[np.uint8]:
    prepare, preprocess = MODALITIES["image"].prepare, converted.card.preprocess
    return np.stack([prepare(item.source.read(), preprocess).inputs for item in data.items])


def _examples(
    converted: ConvertedBackbone, inputs: NDArray[np.uint8], data: RankingData, rows: NDArray[np.int64]
) -> InputExamples:
    return InputExamples(
        lambda places, _: inputs[rows[places]],
        data.labels[rows],
        preprocess=converted.card.preprocess,
        jitter=Augmentation(),
    )
