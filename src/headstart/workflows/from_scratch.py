"""``--strategy scratch``: the strongest network trained from random weights is what is saved.

Its backbone is converted like any other, so that it predicts by the same engines, and other data can start from it with
``--backbone run:PATH``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import convert_trained
from headstart.backbones.identity import weights_sha256
from headstart.backbones.licences import OF_YOUR_DATA
from headstart.core.errors import UsageError
from headstart.core.progress import Progress
from headstart.evaluation.candidates import strongest
from headstart.transfer.heads import LinearHead
from headstart.workflows.fitted import Fitted, features_by_trained
from headstart.workflows.gather import Examples
from headstart.workflows.judgement import score_candidate

if TYPE_CHECKING:
    from headstart.evaluation.baselines import TrainedBaseline
    from headstart.transfer.scratch import TrainedNetwork


def strongest_network(
    examples: Examples, trained: Sequence[TrainedBaseline], *, device: str, progress: Progress
) -> Fitted:
    """The network that is best on validation, as a model that can be saved.

    Args:
        examples: The examples.
        trained: The networks.
        device: Where its features are computed.
        progress: Who is told how far it is.

    Raises:
        UsageError: No network converged within its budget.
    """
    # By validation alone: test probabilities stay out of it until the saved model is judged.
    scored = [
        score_candidate(replace(baseline.candidate, test_probabilities=None), examples, seed=0) for baseline in trained
    ]
    best = strongest(scored)
    if best is None:
        found = "; ".join(f"{row.name}: {row.status}, {row.detail}" for row in scored)
        raise UsageError(f"Expected a network to converge within --baseline-budget, but none did ({found}); raise it.")
    chosen = trained[scored.index(best)]
    network = chosen.network
    if network is None:
        raise UsageError(f"Expected {best.name} to hold a network, but it was not trained; raise --baseline-budget.")
    converted = convert_trained(_card(chosen, network, examples), network.backbone)
    choice, features = features_by_trained(
        converted, examples.arranged.items, examples, device=device, progress=progress
    )
    head = LinearHead(network.head["weight"], network.head["bias"], temperature=1.0)
    facts = {"head": "linear", "network": best.name, "epochs": best.epochs}
    test = features.select(examples.arranged.rows("test"))
    return Fitted("scratch", converted, choice, test, head, chosen.candidate, facts, trained_backbone=True)


def _card(chosen: TrainedBaseline, network: TrainedNetwork, examples: Examples) -> BackboneCard:
    built = chosen.built
    return BackboneCard(
        name=f"{built.library}:{built.architecture}",
        source=f"trained from random weights by headstart on {examples.arranged.table.name}",
        architecture=built.architecture,
        library=built.library,
        licence=OF_YOUR_DATA,
        pretraining="none (random weights)",
        paper="",
        parameters=chosen.parameters,
        sha256=weights_sha256(built.library, built.architecture, network.backbone),
        preprocess=network.preprocess,
        stages=chosen.stages,
    )
