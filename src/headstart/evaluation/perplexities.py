"""How well language models foretell a text, how sure that is, and whether the pretraining helped.

A token depends on those around it, so what is resampled is not tokens but stretches of the text, a hundred of them one
behind the other. Two models are compared on the same stretches, by the logarithm of their perplexities' ratio: nats per
token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.evaluation.bootstrap import expanded_percentiles, resampled_totals
from headstart.evaluation.intervals import CONFIDENCE, Interval, two_sided_z
from headstart.evaluation.verdict import Outcome, Verdict
from headstart.metrics.perplexity import perplexity

#: Stretches of text that are resampled.
STRETCHES = 100
_POWER = 0.8


@dataclass(frozen=True, eq=False)
class TokenLosses:
    """What a language model said of a text.

    Attributes:
        losses: Negative log likelihood in nats of each token that it was asked for, in the text's order, ``(T,)``.
        words: How many words the tokens make up; ``None`` where not all of the text was asked for.
    """

    losses: NDArray[np.floating]
    words: int | None = None

    def stretches(self) -> NDArray[np.float64]:
        """Summed losses and number of tokens of up to a hundred stretches, ``(S, 2)``."""
        parts = np.array_split(self.losses.astype(np.float64), min(STRETCHES, len(self.losses)))
        return np.array([[part.sum(), len(part)] for part in parts])


def perplexity_metrics(found: TokenLosses, *, seed: int = 0) -> dict[str, Interval]:
    """Perplexity per token, nats per token and, where all of a text was asked for, perplexity per word.

    Each with the percentile interval of a bootstrap over stretches, widened for few of them (Hesterberg 2015).

    Args:
        found: What the model said.
        seed: Of the resampling.

    Raises:
        UsageError: Nothing was asked for.
    """
    stretches = _checked(found)
    count = stretches[:, 1]
    value = perplexity(stretches[:, 0], count.astype(np.int64))
    low, high = _ends(stretches, math.log(value), seed=seed)
    metrics = {
        "perplexity": Interval(value, _exp(low), _exp(high)),
        "token_loss": Interval(math.log(value), low, high),
    }
    if found.words:
        share = float(count.sum()) / found.words
        ends = (_exp(share * loss) for loss in (math.log(value), low, high))
        metrics["word_perplexity"] = Interval(*ends)
    return metrics


def judge_language_models(
    transfer: TokenLosses, opponent: TokenLosses, against: str, *, warnings: tuple[str, ...] = (), seed: int = 0
) -> Verdict:
    """The verdict on two language models that were asked for the same tokens of the same text.

    Its difference is what the transfer saves in nats per token: the logarithm of the ratio of both perplexities.

    Args:
        transfer: What the transfer said.
        opponent: What the strongest model without the pretraining said.
        against: Its name.
        warnings: What is known to weaken the comparison.
        seed: Of the resampling.

    Raises:
        UsageError: They were not asked for the same tokens.
    """
    ours, theirs = _checked(transfer), _checked(opponent)
    if not np.array_equal(ours[:, 1], theirs[:, 1]):
        raise UsageError(
            f"Expected both models to be asked for the same tokens, but got {len(transfer.losses)} and "
            f"{len(opponent.losses)}; judge both on the same text."
        )
    saved = np.column_stack([theirs[:, 0] - ours[:, 0], ours[:, 1]])
    value = float(saved[:, 0].sum() / saved[:, 1].sum())
    low, high = _ends(saved, value, seed=seed)
    outcome: Outcome = "helps" if low > 0 else "hurts" if high < 0 else "no difference shown"
    detectable = _detectable(saved, seed=seed)
    own, other = (_exp(float(sums[:, 0].sum() / sums[:, 1].sum())) for sums in (ours, theirs))
    sentence = _sentence(outcome, own, other, against, value=value, low=low, high=high)
    if outcome == "no difference shown":
        sentence += f"; this text could have shown a difference of about {_percent(detectable)} or more"
    return Verdict(outcome, against, value, low, high, detectable, f"{sentence}.", warnings)


def _sentence(
    outcome: Outcome, own: float, other: float, against: str, *, value: float, low: float, high: float
) -> str:
    opening = {"helps": "Transfer helps", "hurts": "Transfer hurts here"}.get(outcome, "No difference shown")
    way = "lower" if value >= 0 else "higher"
    sign = 1 if value >= 0 else -1
    ends = sorted((1 - math.exp(-end)) * sign for end in (low, high))
    return (
        f"{opening}: perplexity {own:.2f} against {other:.2f} for the best model without it ({against}), "
        f"{100 * abs(1 - math.exp(-value)):.1f} % {way} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
    )


def _percent(nats: float) -> str:
    return f"{100 * (1 - math.exp(-nats)):.1f} %"


def _ends(stretches: NDArray[np.float64], value: float, *, seed: int) -> tuple[float, float]:
    """The interval of a mean over tokens."""
    low, high = expanded_percentiles(_means(stretches, seed=seed), units=len(stretches))
    return min(low, value), max(high, value)


def _means(stretches: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    totals = resampled_totals(stretches.astype(np.float32), seed=seed)
    return np.asarray(totals[:, 0] / totals[:, 1])


def _detectable(stretches: NDArray[np.float64], *, seed: int) -> float:
    """The smallest true difference that is shown in 80 % of cases."""
    reach = two_sided_z(CONFIDENCE) + NormalDist().inv_cdf(_POWER)
    return reach * float(_means(stretches, seed=seed).std())


def _checked(found: TokenLosses) -> NDArray[np.float64]:
    if found.losses.ndim != 1 or len(found.losses) < 2 or not np.isfinite(found.losses).all():
        raise UsageError(
            f"Expected a finite loss for each of at least two tokens, but got shape {found.losses.shape}; ask for "
            "tokens of the text that is judged on."
        )
    return found.stretches()


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < math.log(np.finfo(np.float64).max) else math.inf
