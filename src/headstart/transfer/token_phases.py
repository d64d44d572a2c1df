"""How backbones of texts and heads on their tokens are trained, as plain data."""

from __future__ import annotations

from dataclasses import replace

from headstart.training.phase import LearningRates, Phase, Regulariser
from headstart.transfer.strategy import Strategy

#: The head alone, on features that stay as they are. They are cached, so that epochs are cheap.
HEAD = Phase(
    boundary="top",
    learning_rates=LearningRates(head=1e-2, backbone=0.0),
    epochs=30,
    batch_size=32,
    patience=6,
    regulariser=Regulariser(weight_decay=0.01),
)
#: Rates at which pretrained text backbones are usually tuned (Devlin et al. 2019; Sun et al. 2019, "How to Fine-Tune
#: BERT for Text Classification?"), a little higher for a schedule that spends most of its time below the peak.
RATES = LearningRates(head=1e-3, backbone=2e-4, decay=0.9)
#: From random weights, likewise.
SCRATCH = Phase(
    boundary="bottom",
    learning_rates=LearningRates(head=1e-3, backbone=5e-4),
    epochs=60,
    batch_size=32,
    patience=20,
    regulariser=Regulariser(weight_decay=0.1),
)


def for_tokens(strategy: Strategy) -> Strategy:
    """A strategy at :data:`RATES`."""
    return replace(strategy, phases=tuple(replace(phase, learning_rates=RATES) for phase in strategy.phases))
