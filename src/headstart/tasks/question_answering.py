"""Where in a text the answer to a question begins and ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from headstart.backbones.stages import StagedBackbone
from headstart.metrics.temperature import best_temperature
from headstart.tasks.classification import LinearHead
from headstart.tasks.span_answering import ENDS, STARTS

#: Far below any logit, yet finite, so that it times a probability of 0 is 0.
_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class QuestionAnswering:
    """The first and the last token of the answer: a linear head gives each token a logit for either.

    The probability of a beginning is the softmax over the tokens of the text and the first token of the window, which
    stands for "not in here"; that of an end likewise (Devlin et al. 2019, "BERT", sections 4.2 and 4.3).

    Targets are ``(N, L)``: negative where no answer can be, else the sum of
    :data:`~headstart.tasks.span_answering.STARTS` at the first token and :data:`~headstart.tasks.span_answering.ENDS`
    at the last one.
    """

    metrics: ClassVar[tuple[str, ...]] = ("exact_match", "f1")

    def build_head(self, backbone: StagedBackbone) -> LinearHead:
        """A linear layer from the features of a token, at the top of the backbone, to two logits."""
        return LinearHead(backbone.feature_dim(len(backbone.stages) - 1), 2)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of beginning and end, in nats.

        Args:
            outputs: Logits, shape ``(N, L, 2)``.
            targets: See the class, shape ``(N, L)``.

        Returns:
            A scalar; the logarithm of the number of tokens of the text and one for a uniform guess.
        """
        logits, places = _asked(outputs, targets)
        return cross_entropy(logits, places)

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """Log loss of beginning and end in nats, at the temperature that suits the validation examples best.

        Args:
            outputs: Logits, batch by batch, shape ``(B, L, 2)`` each; L may differ.
            targets: See the class, shape ``(B, L)`` each.

        Returns:
            NaN where a logit is not finite.
        """
        pairs = [_asked(found, wanted) for found, wanted in zip(outputs, targets, strict=True)]
        if not all(torch.isfinite(found).all() for found in outputs):
            return math.nan
        longest = max(logits.shape[1] for logits, _ in pairs)
        logits = torch.cat([pad(found, (0, longest - found.shape[1]), value=_NEVER) for found, _ in pairs])
        places = torch.cat([wanted for _, wanted in pairs])
        return best_temperature(logits.cpu().numpy(), places.cpu().numpy())[1]

    def decode(self, outputs: Tensor) -> list[NDArray[np.float32]]:
        """The logits of each example, ``(L, 2)``, for :meth:`headstart.tasks.span_answering.SpanAnswering.answer`."""
        return list(outputs.detach().float().cpu().numpy())


def _asked(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits ``(2 N, L)`` of all beginnings, then all ends, and where these are, ``(2 N,)``."""
    logits = outputs.float().masked_fill((targets < 0)[:, :, None], _NEVER)
    flags = targets.clamp(min=0)
    places = torch.cat([(flags & flag > 0).int().argmax(dim=1) for flag in (STARTS, ENDS)])
    return torch.cat([logits[:, :, 0], logits[:, :, 1]]), places
