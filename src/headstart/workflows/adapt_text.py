"""The classic chain: a language model first moves to the user's own kind of text, then everything goes on as usual.

(Howard & Ruder 2018, "ULMFiT"; Gururangan et al. 2020, "Don't Stop Pretraining".) The backbone is trained on texts
without labels by what it was made for, hidden or following tokens. It sees training texts and the unlabelled texts that
the user gives, and never one of validation or test: those that stand among the unlabelled ones are taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import convert_trained
from headstart.backbones.conversion import state_arrays
from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.identity import weights_sha256
from headstart.core.errors import DataError
from headstart.core.progress import Progress
from headstart.data.items import Item
from headstart.data.readers.unlabelled import read_unlabelled
from headstart.data.texts import Text, decode, text_digest
from headstart.data.token_blocks import Frame, framed_blocks
from headstart.evaluation.paired import paired_difference
from headstart.features.trial import engine_trial
from headstart.tasks.language_model import LanguageModelling
from headstart.training.checkpoints import TrainingWork
from headstart.training.inference import held_out_loss
from headstart.training.language_examples import LanguageExamples
from headstart.transfer.heads import LinearHead
from headstart.transfer.language_tuning import LanguageTraining, head_phase, train_language_model, tuning_phase
from headstart.workflows.fitted import features_by_trained
from headstart.workflows.gather import Examples
from headstart.workflows.judgement import group_array
from headstart.workflows.language_model.corpus import BLOCK, objective_of
from headstart.workflows.language_model.networks import source_network
from headstart.workflows.probes import fit_linear

#: Instead of a path: the training texts alone.
SELF = "self"
#: Of the blocks, one in so many chooses the epoch, at most 256 of them.
_HELD_OUT, _MOST_HELD_OUT = 20, 256


@dataclass(frozen=True)
class AdaptOptions:
    """How to adapt.

    Attributes:
        texts: Texts without labels, as a file, folder or table; ``"self"`` for the training texts alone.
        budget: Seconds, turned into epochs before it starts.
        seed: For everything random.
        device: Where it trains: ``"cpu"`` or ``"cuda"``.
    """

    texts: str
    budget: float
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """What is learned from.

    Attributes:
        texts: Their parts.
        given: How many the user gave beside the training texts.
        left_out: How many of these stand in validation or test, or could not be read.
    """

    texts: tuple[str, ...]
    given: int
    left_out: int


def adapt(
    examples: Examples, options: AdaptOptions, *, work: TrainingWork, progress: Progress
) -> tuple[Examples, dict[str, Any]]:
    """Adapts the backbone to texts without labels.

    Args:
        examples: Gathered, in splits.
        options: How.
        work: Where the training is kept until the run is whole.
        progress: Who is told how far it is.

    Returns:
        The examples on the adapted backbone, and what it brought, for ``metrics.json``; where somebody asked to stop
        before it had begun, the examples as they were.

    Raises:
        UsageError: The backbone reads no text, or cannot be asked for tokens.
        DataError: There are no texts.
    """
    if work.stop() and not work.has_begun:
        return examples, {"status": "interrupted before it began"}
    objective, tokenizer, preprocess = objective_of(examples.backbone.card)
    unlabelled = unlabelled_texts(examples, options.texts)
    frame = Frame(tokenizer.frame.before, () if objective.ahead else tokenizer.frame.after)
    blocks = framed_blocks(tokenizer.encode(unlabelled.texts), min(BLOCK, preprocess.most_tokens), frame)
    train, held_out = _divided(blocks)
    task = LanguageModelling(objective.name)
    network, answers = source_network(examples.backbone, task, seed=options.seed)
    network.to(options.device)

    def ask(some: Sequence[NDArray[np.int32]]) -> LanguageExamples:
        return LanguageExamples(some, objective, preprocess.entrance(), device=options.device)

    width = examples.backbone.card.top.dim
    before = held_out_loss(network, task, ask(held_out))
    training = train_language_model(
        network,
        task,
        [*([] if answers else [head_phase(width)]), tuning_phase(width)],
        blocks=train,
        validation=ask(held_out),
        ask=ask,
        budget=options.budget,
        seed=options.seed,
        work=work,
        progress=progress,
    )
    after = held_out_loss(network, task, ask(held_out))
    adapted = _on(examples, _converted(examples, state_arrays(network.backbone.model), unlabelled), options, progress)
    record = {
        **_facts(unlabelled, training, tokens=int(sum(map(len, train)))),
        "objective": objective.name,
        "token_loss": {"before": before, "after": after},
        "probe": _probed(examples, adapted, options.seed, progress),
    }
    progress.say(sentence(record))
    return adapted, record


def unlabelled_texts(examples: Examples, source: str) -> Unlabelled:
    """The training texts, and those of a file, folder or table that stand neither in validation nor in test.

    Raises:
        DataError: There are none where the user says.
    """
    arranged = examples.arranged
    train = [decode(arranged.items[row].source.read()) for row in arranged.rows("train")]
    if source == SELF:
        return Unlabelled(_parts(train), 0, 0)
    path = Path(source)
    table = read_unlabelled([path], wanted=examples.modality) if path.exists() else None  # no text as it is
    if table is None or not table.items:
        raise DataError(f"Expected texts to adapt to in {source}, but found none; name a file, a folder or a table.")
    held_out = {
        text_digest(decode(arranged.items[row].source.read()))
        for split in ("validation", "test")
        for row in arranged.rows(split)
    }
    kept = [text for text in _readable(table.items) if text_digest(text) not in held_out]
    return Unlabelled(_parts([*train, *kept]), len(table.items), len(table.items) - len(kept))


def sentence(record: dict[str, Any]) -> str:
    """What the adaptation brought, for people."""
    loss, probe = record["token_loss"], record["probe"]
    return (
        f"Adapted to {record['texts']:,} texts: {loss['before']:.2f} → {loss['after']:.2f} nats per token "
        f"({record['objective']}); the probe on validation "
        f"{100 * probe['before']:.1f} % → {100 * probe['after']:.1f} % "
        f"({100 * probe['low']:+.1f} to {100 * probe['high']:+.1f} points)."
    )


def _readable(items: Sequence[Item]) -> Iterator[Text]:
    for item in items:
        try:
            yield decode(item.source.read())
        except (DataError, OSError):
            continue


def _parts(texts: Sequence[Text]) -> tuple[str, ...]:
    """Each text once, the texts of a pair on their own."""
    return tuple(dict.fromkeys(part for text in texts for part in text.parts))


def _divided(
    blocks: Sequence[NDArray[np.int32]],
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
    """Blocks to learn from, and some to choose the epoch by."""
    step = max(_HELD_OUT, -(-len(blocks) // _MOST_HELD_OUT))
    if len(blocks) < 2:
        raise DataError("Expected two texts or more to adapt to, but got fewer; give more of them.")
    return [block for place, block in enumerate(blocks) if place % step], list(blocks[::step])


def _converted(examples: Examples, weights: dict[str, NDArray[Any]], unlabelled: Unlabelled) -> ConvertedBackbone:
    card, name = examples.backbone.card, examples.arranged.table.name
    texts = f"{len(unlabelled.texts):,} texts without labels"
    adapted: BackboneCard = replace(
        card,
        source=f"adapted by headstart to {texts} around {name}, from: {card.source}",
        pretraining=f"{card.pretraining}, then {texts}" if card.pretrained else texts,
        sha256=weights_sha256(card.library, card.architecture, weights),
    )
    return convert_trained(adapted, weights)


def _on(examples: Examples, backbone: ConvertedBackbone, options: AdaptOptions, progress: Progress) -> Examples:
    """The same examples with the features of another backbone of the same architecture."""
    choice, top = features_by_trained(
        backbone,
        examples.arranged.items,
        examples,
        device=options.device,
        progress=progress,
        trial=engine_trial(examples.backbone, device=options.device, progress=progress),
    )
    return replace(examples, backbone=backbone, choice=choice, features={backbone.card.top.name: top})


def _facts(unlabelled: Unlabelled, training: LanguageTraining, *, tokens: int) -> dict[str, Any]:
    return {
        "texts": len(unlabelled.texts),
        "given": unlabelled.given,
        "left_out": unlabelled.left_out,
        "tokens": tokens,
        "epochs": sum(len(record.epochs) for record in training.records),
        "seconds": training.seconds,
        "ending": training.reason,
    }


def _probed(before: Examples, after: Examples, seed: int, progress: Progress) -> dict[str, float]:
    """The linear probe's validation accuracy on either backbone, and the paired difference with its interval."""
    rows = before.arranged.rows("validation")
    labels = before.arranged.labels[rows]
    right = [_answers(examples, seed, progress) == labels for examples in (after, before)]
    found = paired_difference(*right, groups=group_array(before, rows))
    return {
        "before": float(right[1].mean()),
        "after": float(right[0].mean()),
        **{"difference" if name == "value" else name: value for name, value in asdict(found).items()},
    }


def _answers(examples: Examples, seed: int, progress: Progress) -> NDArray[np.intp]:
    probe, _ = fit_linear(examples, seed=seed, progress=progress)
    head: LinearHead = probe.head
    answers: NDArray[np.intp] = head.probabilities(examples.top.select(examples.arranged.rows("validation"))).argmax(
        axis=1
    )
    return answers
