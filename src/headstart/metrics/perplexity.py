"""Perplexity: how many equally likely tokens a language model in effect hesitates between."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError


def perplexity(losses: NDArray[np.floating], counts: NDArray[np.integer]) -> float:
    r"""The exponential of the mean negative log likelihood.

    .. math:: \exp\left(\frac{\sum_i \ell_i}{\sum_i n_i}\right)

    With :math:`n_i` tokens it is the perplexity per token, which only models with the same tokens share; with
    :math:`n_i` words of the same pieces of text it is the perplexity per word, which any two models can be compared by
    as long as their losses cover every word (Mielke et al. 2019, "What Kind of Language Is Hard to Language-Model?").

    Args:
        losses: Summed negative log likelihood of each piece of text in nats, shape ``(N,)``, not negative.
        counts: What is averaged over, tokens or words of each piece, shape ``(N,)``.

    Returns:
        At least 1; lower is better. Guessing evenly among V tokens gives V. Infinite where a float cannot hold it.

    Raises:
        UsageError: The arrays do not belong together, or nothing is counted.

    Example:
        >>> round(perplexity(np.array([2 * np.log(8), np.log(8)]), np.array([2, 1])), 6)
        8.0
    """
    if losses.shape != counts.shape or losses.ndim != 1 or counts.sum() <= 0 or not (losses >= 0).all():
        raise UsageError(
            f"Expected a loss of 0 or more and a count for every piece of text, but got shapes {losses.shape} and "
            f"{counts.shape} with {counts.sum()} counted; pass summed negative log likelihoods and what they cover."
        )
    mean = float(losses.sum(dtype=np.float64) / counts.sum())
    return math.exp(mean) if mean < math.log(np.finfo(np.float64).max) else math.inf
