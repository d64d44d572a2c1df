"""The steps of a language model's fit.

    the source as it is ─► tune ─► n-grams, the same architecture from scratch ─► save ─► judge what was saved

Validation decides what is saved and which model without the pretraining is the opponent. The figures of the test text
are those of what was saved. What takes long is kept in an unfinished run, so that the same command goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.core.assets import asset
from headstart.core.errors import UsageError
from headstart.core.progress import Progress, Stopwatch
from headstart.core.run_folder import RunFolder, open_run, publish_run
from headstart.core.unfinished import UnfinishedRun
from headstart.evaluation.perplexities import TokenLosses
from headstart.tasks.language_model import LanguageModelling
from headstart.training.checkpoints import TrainingWork
from headstart.training.convergence import why_not_converged
from headstart.training.phase import Phase
from headstart.training.step_log import Listener
from headstart.training.token_network import TokenNetwork
from headstart.transfer.language_tuning import (
    LanguageTraining,
    head_phase,
    scratch_phase,
    token_losses,
    train_language_model,
    tuning_phase,
)
from headstart.transfer.ngram_model import best_ngram_model
from headstart.transfer.strategy import STRATEGIES
from headstart.workflows.fit import FitOptions
from headstart.workflows.language_model.candidates import LanguageCandidate, Tried, best_by_validation, reached
from headstart.workflows.language_model.corpus import Corpus, Held
from headstart.workflows.language_model.networks import network_tensors, random_network, saved_network, source_network
from headstart.workflows.language_model.record import (
    evidence_record,
    manifest_record,
    metrics_record,
    saved_card,
    verdict_of,
)
from headstart.workflows.resumable import log_lines

_AS_IT_IS, _TUNED, _SCRATCH, _NGRAMS = "as it is", "fine-tuned", "same architecture from scratch", "n-grams"


@dataclass(frozen=True)
class LanguageFitting:
    """One fit of a language model in progress.

    Attributes:
        corpus: The text in tokens.
        source: The pretrained backbone.
        options: How to fit.
        unfinished: Where everything is kept that took long.
        stop: Whether somebody asked to stop.
        listeners: Who else is told of every training step.
        device: Where it trains.
        watch: Where the seconds per step are kept.
        progress: Who is told how far it is.
    """

    corpus: Corpus
    source: ConvertedBackbone
    options: FitOptions
    unfinished: UnfinishedRun
    stop: Callable[[], bool]
    listeners: tuple[Listener, ...]
    device: str
    watch: Stopwatch
    progress: Progress

    @property
    def task(self) -> LanguageModelling:
        """What is asked of the network."""
        return LanguageModelling(self.corpus.objective.name)

    def run(self, target: Path, decorate: Callable[[Path], None]) -> RunFolder:
        """All of it, from the source as it is to the saved run.

        Raises:
            UsageError: Somebody asked to stop before there was anything to save.
        """
        transfers, baselines = self.transfers(), self.baselines()
        best = best_by_validation([tried.candidate for tried in transfers])
        chosen = next((tried for tried in transfers if tried.candidate is best), None)
        if chosen is None or chosen.network is None:
            raise UsageError("Interrupted before there was a language model to save. The same command goes on.")
        tensors = network_tensors(chosen.network)
        card = saved_card(self.source.card, chosen, tensors, self.corpus)
        others = [tried for tried in (*transfers, *baselines) if tried is not chosen]
        seed = self.options.seed

        def measure(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
            with self.watch.step("judge"):
                own = self.asked(saved_network(open_run(folder)).to(self.device), "test", "as it was saved")
                candidates = [replace(chosen.candidate, test=own), *(tried.on_test() for tried in others)]
            verdict = verdict_of(self.source.card, candidates, seed=seed)
            metrics = metrics_record(self.corpus, card, candidates, verdict, watch=self.watch, target=target, seed=seed)
            return {**metrics, "interrupted": self.stop()}, evidence_record(self.corpus, [chosen, *others])

        self.progress.start("save")
        run = publish_run(
            target,
            tensors=tensors,
            manifest=manifest_record(self.corpus, card, chosen, seed=seed, command=self.options.command),
            measure=measure,
            decorate=decorate,
            log=lambda: log_lines(self.unfinished, self.watch),
            assets={sha256: asset(sha256) for sha256 in card.preprocess.assets.values()},
            replace=True,
        )
        self.progress.start("save")  # measuring has had lines of its own
        self.progress.finish(str(target))
        return run

    def transfers(self) -> list[Tried]:
        """The source as it is, where it knows how to answer, and tuned, unless nothing is to train."""
        options, found = self.options, []
        frozen = not STRATEGIES[options.strategy].phases
        network, answers = source_network(self.source, self.task, seed=options.seed)
        if answers or frozen:
            with self.watch.step(_AS_IT_IS):
                found.append(self.tried(LanguageCandidate(_AS_IT_IS, "none", "transfer"), network.to(self.device)))
        if not frozen:
            phases = [*([] if answers else [head_phase(self.width)]), tuning_phase(self.width)]
            fresh, _ = source_network(self.source, self.task, seed=options.seed)
            planned = LanguageCandidate(_TUNED, "finetune", "transfer", budget_seconds=options.budget)
            found.append(self.trained(planned, fresh, phases))
        return found

    def baselines(self) -> list[Tried]:
        """Models without the pretraining; n-grams can only foretell."""
        found = [self.ngrams()] if self.corpus.objective.ahead else []
        if self.options.scratch and self.source.card.pretrained:
            network = random_network(self.source.card, self.task, seed=self.options.seed)
            planned = LanguageCandidate(_SCRATCH, "scratch", "baseline", budget_seconds=self.options.baseline_budget)
            found.append(self.trained(planned, network, [scratch_phase(self.width)]))
        return found

    @property
    def width(self) -> int:
        """Dimensions of a token's state."""
        return self.source.card.top.dim

    def ngrams(self) -> Tried:
        """The n-gram model whose order suits the validation text best."""
        self.progress.start(_NGRAMS)
        watch, tokens = Stopwatch(), self.corpus.tokens
        with watch.step(_NGRAMS), self.watch.step(_NGRAMS):
            model, orders = best_ngram_model(tokens["train"], tokens["validation"], self.corpus.tokenizer.vocabulary)
        detail = "nats per token on validation by order: " + ", ".join(f"{order}: {loss:.3f}" for order, loss in orders)
        candidate = LanguageCandidate(
            f"{model.order}-grams", "Kneser-Ney", "baseline", detail=detail, seconds=watch.seconds[_NGRAMS]
        )

        def says(split: Held) -> TokenLosses:
            return self.said(model.losses(tokens[split])[self.corpus.unasked :], split)

        candidate = replace(candidate, validation=says("validation"))
        self.progress.finish(f"{candidate.name}: {reached(candidate)} on the validation text")
        return Tried(candidate, says)

    def trained(self, planned: LanguageCandidate, network: TokenNetwork, phases: Sequence[Phase]) -> Tried:
        """A network trained within its candidate's budget."""
        work = TrainingWork(self.unfinished.folder(planned.name), self.stop, self.listeners, planned.name)
        if self.stop() and not work.has_begun:
            return Tried(replace(planned, status="not run", detail="interrupted before it began"))
        with self.watch.step(planned.name):
            training = train_language_model(
                network.to(self.device),
                self.task,
                phases,
                blocks=self.corpus.blocks(),
                validation=self.corpus.chosen_by(device=self.device),
                ask=lambda blocks: self.corpus.ask(blocks, device=self.device),
                budget=planned.budget_seconds or 0.0,
                seed=self.options.seed,
                work=work,
                progress=self.progress,
            )
            epochs = sum(len(record.epochs) for record in training.records)
            done = replace(planned, detail=training.reason, seconds=training.seconds, epochs=epochs)
            if planned.kind == "baseline" and (why := self.why_not(training)):
                done = replace(done, status="not converged", detail=why)
            return replace(self.tried(done, network), training=training)

    def tried(self, candidate: LanguageCandidate, network: TokenNetwork) -> Tried:
        """A candidate with its network, judged on the validation text."""

        def says(split: Held) -> TokenLosses:
            return self.asked(network, split, candidate.name)

        judged = replace(candidate, validation=says("validation"))
        self.progress.say(f"{candidate.name}: {reached(judged)} on the validation text.")
        return Tried(judged, says, network)

    def why_not(self, training: LanguageTraining) -> str:
        """Why a training has not converged; empty where it has."""
        epochs = training.records[-1].epochs
        return why_not_converged(
            [epoch.train_loss for epoch in epochs],
            [epoch.validation_loss for epoch in epochs],
            chance=math.log(self.corpus.tokenizer.vocabulary),
        )

    def asked(self, network: TokenNetwork, split: Held, name: str) -> TokenLosses:
        """What a network says of every token of a split."""
        self.progress.start(f"{split} text, {name}")
        losses = token_losses(network, self.corpus.judged(split, device=self.device))
        self.progress.finish(f"{len(losses):,} tokens")
        return self.said(losses, split)

    def said(self, losses: NDArray[np.floating], split: Held) -> TokenLosses:
        """Losses with the number of words, where they cover all of a text."""
        return TokenLosses(losses, self.corpus.words(split) if self.corpus.objective.ahead else None)
