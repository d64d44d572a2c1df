"""Language modelling: which token comes next, or which one stood where it is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.backbones.stages import StagedBackbone
from headstart.tasks.language_head import IGNORED, LanguageHead

#: Of the tokens of a text, how many are asked for, and what stands in their place (Devlin et al. 2019).
ASKED, HIDDEN, REPLACED = 0.15, 0.8, 0.1

ObjectiveName = Literal["next token", "masked"]


class Objective(Protocol):
    """How a batch of tokens becomes a question and its answer."""

    name: ClassVar[ObjectiveName]
    #: How far behind a place the token stands that is asked for there.
    ahead: ClassVar[int]

    def ask(self, tokens: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the model is shown and what it has to say, both ``(N, L)``; see :data:`IGNORED`.

        Args:
            tokens: ``(N, L)``, int64, negative where there is padding.
            generator: Of chance; on the CPU.
        """


@dataclass(frozen=True, slots=True)
class NextToken:
    """At every place the token that follows it; the model must not look ahead."""

    name: ClassVar[ObjectiveName] = "next token"
    ahead: ClassVar[int] = 1

    def ask(self, tokens: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The tokens as they are, and the same one place to the left.

        Example:
            >>> NextToken().ask(torch.tensor([[5, 6, 7, -1]]), torch.Generator())[1].tolist()
            [[6, 7, -100, -100]]
        """
        following = torch.full_like(tokens, IGNORED)
        following[:, :-1] = tokens[:, 1:].masked_fill(tokens[:, 1:] < 0, IGNORED)
        return tokens, following


@dataclass(frozen=True, slots=True)
class MaskedTokens:
    """The tokens that stood at hidden places (Devlin et al. 2019, "BERT").

    Of every text 15 % of the tokens are asked for, at least one. Of these, 80 % are replaced by the mask token, 10 %
    by a token drawn evenly from the vocabulary, and 10 % stay as they are, so that the model cannot rest on seeing
    where it will be asked. They are drawn anew each time a text is seen (Liu et al. 2019, "RoBERTa").

    Attributes:
        mask: Number of the mask token.
        vocabulary: Number of tokens.
        special: Numbers of the tokens that are never asked for, such as ``[CLS]``.
    """

    name: ClassVar[ObjectiveName] = "masked"
    ahead: ClassVar[int] = 0

    mask: int
    vocabulary: int
    special: tuple[int, ...]

    def ask(self, tokens: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The tokens with some of them hidden, and what stood there."""
        askable = (tokens >= 0) & ~torch.isin(tokens, torch.tensor(self.special, dtype=tokens.dtype))
        asked = _some_of(askable, generator)
        lot = torch.rand(tokens.shape, generator=generator)
        drawn = torch.randint(self.vocabulary, tokens.shape, generator=generator)
        shown = torch.where(asked & (lot < HIDDEN + REPLACED), drawn, tokens)
        shown = shown.masked_fill(asked & (lot < HIDDEN), self.mask)
        return shown, tokens.masked_fill(~asked, IGNORED)


def _some_of(askable: Tensor, generator: torch.Generator) -> Tensor:
    """15 % of the places of each row, at least one where there is any, drawn without replacement."""
    numbers = torch.rand(askable.shape, generator=generator).masked_fill(~askable, 2.0)
    rank = numbers.argsort(dim=1).argsort(dim=1)
    available = askable.sum(dim=1, keepdim=True)
    wanted = (ASKED * available).round().long().clamp_min(1)
    return askable & (rank < wanted)


@dataclass(frozen=True, slots=True)
class LanguageModelling:
    """A token out of the vocabulary at every place that is asked for.

    Targets are ``(N, L)`` with :data:`~headstart.tasks.language_head.IGNORED` where nothing is asked. Where they are
    given the head returns the loss of every token and not the logits, which for a vocabulary of 50,000 would be as many
    numbers again for each of them.

    Attributes:
        objective: ``"next token"`` or ``"masked"``.
    """

    objective: ObjectiveName
    metrics: ClassVar[tuple[str, ...]] = ("perplexity", "token_loss")

    def build_head(self, backbone: StagedBackbone) -> LanguageHead:
        """A new output layer that is tied to the backbone's token embeddings."""
        return LanguageHead.new(backbone, transformed=self.objective == "masked")

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        r"""Mean negative log likelihood :math:`-\frac{1}{n} \sum \ln p(x_t)` of what is asked for, in nats per token.

        Args:
            outputs: Losses of all places, ``(N, L)``, 0 where nothing is asked.
            targets: ``(N, L)``.

        Returns:
            A scalar; :math:`\ln V` for a uniform guess.
        """
        return outputs.sum() / (targets != IGNORED).sum().clamp_min(1)

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """Nats per token over all validation texts: the logarithm of the perplexity."""
        total = sum(float(losses.detach().double().sum()) for losses in outputs)
        return total / max(1, sum(int((wanted != IGNORED).sum()) for wanted in targets))

    def decode(self, outputs: Tensor) -> NDArray[np.int64]:
        """The likeliest token at every place, ``(N, L)``, of logits ``(N, L, V)``."""
        likeliest: NDArray[np.int64] = outputs.detach().argmax(dim=-1).cpu().numpy()
        return likeliest
