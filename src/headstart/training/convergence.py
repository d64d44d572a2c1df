"""Whether a training that ended had arrived."""

from __future__ import annotations

from collections.abc import Sequence

#: The training loss must have come below this share of the chance level: the network has learned something.
LEARNED = 0.9
#: Below this share of the chance level the training examples are known by heart: more epochs have nothing to teach.
FITTED = 0.1
#: Down to this share of the chance level a validation loss is no better than guessing: at its best temperature even a
#: network that knows nothing comes down to the chance level itself.
GUESSING = 0.99
#: The last quarter of the epochs may have brought at most this share of all that was gained on validation. A one-cycle
#: schedule gains at the end by itself: on 2,550 CIFAR photos the small network gained 0.05 to 0.10 there in 15 epochs,
#: which reached on test what 40 did, and 0.13 to 0.14 with 8, which were three to five points short.
LAST_GAIN = 0.125


def why_not_converged(train_losses: Sequence[float], validation_losses: Sequence[float], *, chance: float) -> str:
    r"""Judges a training by its own curves.

    Let :math:`c` be the loss of a uniform guess, :math:`v` the lowest validation loss and :math:`v'` the lowest before
    the last quarter of the epochs. A training has converged where its last training loss is at most :math:`0.9 \, c`
    (it has learned something), and either that loss is at most :math:`0.1 \, c` (nothing is left to learn) or it is
    better than guessing on validation and the last quarter brought at most an eighth of that gain:

    .. math:: v < 0.99 \, c \quad\text{and}\quad v' - v \le 0.125 \, (c - v)

    The share is of the gain, not of the loss: a loss near zero keeps falling by large factors long after the answers
    stopped changing. The rule leans towards "converged", because a baseline that counts can only make the verdict on
    transfer harder. Early stopping passes by itself where its patience is longer than a quarter of the epochs.

    Args:
        train_losses: Mean training loss per epoch, in order.
        validation_losses: Validation loss per epoch, in order.
        chance: The loss of a uniform guess: :math:`\ln C` for classification.

    Returns:
        An empty text where it converged, else the reason in a clause.

    Example:
        >>> why_not_converged([2.0, 1.0, 0.5, 0.4], [2.0, 1.2, 1.0, 1.0], chance=2.3)
        ''
        >>> why_not_converged([2.2, 2.0, 1.8, 1.5], [2.2, 2.1, 2.0, 1.7], chance=2.3)
        'the last quarter of the epochs still brought 50 % of the gain on validation'
    """
    if not train_losses:
        return "no epoch was finished"
    if train_losses[-1] > LEARNED * chance:
        return f"its training loss is {train_losses[-1]:.2f}, where guessing gives {chance:.2f}"
    if train_losses[-1] <= FITTED * chance:
        return ""
    quarter = max(1, len(validation_losses) // 4)
    best, before = min(validation_losses), min(validation_losses[:-quarter], default=chance)
    if best >= GUESSING * chance:
        return f"its validation loss came down to {best:.2f}, where guessing gives {chance:.2f}"
    if before - best > LAST_GAIN * (chance - best):
        share = min((before - best) / (chance - best), 1.0)
        return f"the last quarter of the epochs still brought {share:.0%} of the gain on validation".replace("%", " %")
    return ""
