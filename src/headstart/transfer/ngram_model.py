r"""What can be had of a text without any network: an n-gram model by interpolated Kneser-Ney smoothing.

(Kneser and Ney 1995; in the interpolated form of Chen and Goodman 1999, "An Empirical Study of Smoothing Techniques
for Language Modeling", with one discount per order.) With :math:`c` the counts of the highest order, and below it the
number of different tokens that an n-gram was seen behind, :math:`N(h)` the number of different tokens seen behind
:math:`h`:

.. math::
    p(w \mid h) = \frac{\max(c(h w) - D, 0)}{c(h)} + \frac{D \, N(h)}{c(h)} \, p(w \mid h')
    \qquad D = \frac{n_1}{n_1 + 2 n_2}

where :math:`h'` is :math:`h` without its first token, :math:`n_i` the number of n-grams that were counted :math:`i`
times, and below the unigrams every token is as likely as any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError

#: Orders to choose from.
ORDERS = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class _Order:
    """All n-grams of one length that were seen.

    Attributes:
        codes: Each as one number in base V, sorted, ``(G,)``.
        counts: ``(G,)``.
        contexts: The n-grams without their last token, sorted, ``(H,)``.
        totals: Counts of all n-grams that begin with it, ``(H,)``.
        kinds: How many n-grams begin with it, ``(H,)``.
    """

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    contexts: NDArray[np.int64]
    totals: NDArray[np.int64]
    kinds: NDArray[np.int64]

    @classmethod
    def of(cls, codes: NDArray[np.int64], counts: NDArray[np.int64], vocabulary: int) -> _Order:
        contexts, begins, kinds = np.unique(codes // vocabulary, return_index=True, return_counts=True)
        return cls(codes, counts, contexts, np.add.reduceat(counts, begins), kinds)

    @property
    def discount(self) -> float:
        once, twice = (int((self.counts == count).sum()) for count in (1, 2))
        return once / (once + 2 * twice) if once else 0.5

    def refine(
        self, lower: NDArray[np.float64], grams: NDArray[np.int64], contexts: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Probabilities of this order from those of the order below, ``(T,)``."""
        totals = _found(self.contexts, self.totals, contexts)
        kinds = _found(self.contexts, self.kinds, contexts)
        kept = np.maximum(_found(self.codes, self.counts, grams) - self.discount, 0)
        known = np.maximum(totals, 1)
        return np.asarray(np.where(totals > 0, (kept + self.discount * kinds * lower) / known, lower))


class NgramModel:
    """A Kneser-Ney model of a stream of tokens.

    Args:
        tokens: To learn from, ``(T,)``, in ``0 .. vocabulary - 1``.
        vocabulary: V.
        order: Length of the longest n-grams.

    Raises:
        UsageError: There are fewer tokens than that, or n-grams of so many tokens cannot be numbered.
    """

    def __init__(self, tokens: NDArray[np.int32], vocabulary: int, order: int) -> None:
        if not order <= len(tokens) or vocabulary**order >= 2**62:
            raise UsageError(
                f"Expected n-grams no longer than the text that can be numbered with 62 bits, but "
                f"got {order} of {vocabulary} tokens in a text of {len(tokens)}; take shorter ones."
            )
        self.vocabulary, self.order = vocabulary, order
        codes, counts = np.unique(_grams(tokens, order, vocabulary), return_counts=True)
        orders = [_Order.of(codes, counts, vocabulary)]
        for length in range(order - 1, 0, -1):
            codes, counts = np.unique(orders[-1].codes % vocabulary**length, return_counts=True)
            orders.append(_Order.of(codes, counts, vocabulary))
        self._orders = orders[::-1]

    def losses(self, tokens: NDArray[np.int32]) -> NDArray[np.float64]:
        r"""The negative log likelihood :math:`-\ln p(x_t \mid x_{<t})` of each token, ``(T,)``, in nats.

        The first tokens are judged by shorter n-grams.
        """
        found = np.full(len(tokens), 1 / self.vocabulary)
        for length, order in enumerate(self._orders[: len(tokens)], start=1):
            grams = _grams(tokens, length, self.vocabulary)
            found[length - 1 :] = order.refine(found[length - 1 :], grams, grams // self.vocabulary)
        losses: NDArray[np.float64] = -np.log(found)
        return losses


def best_ngram_model(
    train: NDArray[np.int32], validation: NDArray[np.int32], vocabulary: int
) -> tuple[NgramModel, list[tuple[int, float]]]:
    """The order that suits the validation text best, and what each order came to there in nats per token."""
    models = [
        NgramModel(train, vocabulary, order) for order in ORDERS if vocabulary**order < 2**62 and order <= len(train)
    ]
    tried = [(model.order, float(model.losses(validation).mean())) for model in models]
    best = min(range(len(models)), key=lambda place: tried[place][1])
    return models[best], tried


def _grams(tokens: NDArray[np.int32], length: int, vocabulary: int) -> NDArray[np.int64]:
    """The n-gram that ends at each token from the first possible one on, as one number each."""
    count = len(tokens) - length + 1
    codes = np.zeros(count, dtype=np.int64)
    for place in range(length):
        codes = codes * vocabulary + tokens[place : place + count]
    return codes


def _found(keys: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The value of each key, 0 where it is not there."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
