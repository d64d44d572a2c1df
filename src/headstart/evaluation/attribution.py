"""Which tokens spoke for the class that a model named: Integrated Gradients on the output of its first stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from headstart.backbones.stages import StagedBackbone

#: Points on the path that pass through the network at once; bounds the memory whatever ``steps`` is.
_POINTS_AT_ONCE = 16


def attribute(
    backbone: StagedBackbone,
    weight: NDArray[np.floating[Any]],
    bias: NDArray[np.floating[Any]],
    batch: NDArray[np.integer[Any]],
    classes: Sequence[int] | NDArray[np.integer[Any]],
    *,
    neutral: int = 0,
    steps: int = 32,
) -> NDArray[np.float64]:
    """How much each token spoke for its item's class, in [-1, 1]: the strongest token of an item has length one.

    See :func:`integrated_gradients` for the arguments.

    Returns:
        ``(n, L)``; above zero where a token spoke for the class, below where against it, zero for padding.

    Raises:
        UnavailableError: captum is not installed.
        UsageError: The first stage does not put out one vector per token.
    """
    found = integrated_gradients(backbone, weight, bias, batch, classes, neutral=neutral, steps=steps)
    strongest = np.abs(found).max(axis=1, keepdims=True, initial=0.0)
    return found / np.where(strongest > 0, strongest, 1.0)


def integrated_gradients(
    backbone: StagedBackbone,
    weight: NDArray[np.floating[Any]],
    bias: NDArray[np.floating[Any]],
    batch: NDArray[np.integer[Any]],
    classes: Sequence[int] | NDArray[np.integer[Any]],
    *,
    neutral: int = 0,
    steps: int = 32,
) -> NDArray[np.float64]:
    r"""Integrated Gradients of a class's logit over tokens (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution").

    With :math:`x` what the first stage makes of an item's tokens, ``(L, E)``, :math:`x'` what it makes of as many
    neutral tokens, and :math:`F` the class's logit as the other stages and the linear head compute it from there,
    token :math:`t` gets

    .. math:: \sum_e (x_{te} - x'_{te}) \int_0^1 \frac{\partial F(x' + \alpha (x - x'))}{\partial x_{te}} \, d\alpha ,

    by Gauss-Legendre quadrature. An item's attributions add up to :math:`F(x) - F(x')` (completeness).

    The paper's baseline for texts is the zero vector. It is not ours: the first stage of a BERT ends in a layer norm
    and the next ones hold others, so that :math:`F(\alpha x)` hardly depends on :math:`\alpha` but for a jump near
    zero. On MiniLM-L6 and four sentences the sums of 32 points missed the difference by 1.5 to 19 logits from zero
    vectors, and by at most 0.01 from neutral tokens.

    Args:
        backbone: Its first stage turns tokens into vectors; it is put into evaluation mode.
        weight: Of the head, ``(C, D)``.
        bias: Of the head, ``(C,)``.
        batch: Tokens, ``(n, L)``, padding negative and at the end; hidden state and context of the first stage.
        classes: For each item the class whose logit is explained, in [0, C).
        neutral: A token that says nothing; the tokenizer's padding where it has one.
        steps: Points of the quadrature.

    Returns:
        ``(n, L)``, in logits; zero for padding.

    Raises:
        UnavailableError: captum is not installed.
        UsageError: The first stage does not put out one vector per token.
    """
    import torch

    explainer = _explainer()
    device = next(backbone.parameters()).device
    head = [torch.from_numpy(np.asarray(part, dtype=np.float32)).to(device) for part in (weight, bias)]
    backbone.eval()

    def logits(embedded: Tensor, tokens: Tensor) -> Tensor:
        return torch.nn.functional.linear(backbone(embedded, 1, None, tokens).float(), *head)

    method = explainer(logits)
    found = np.zeros(batch.shape, dtype=np.float64)
    for row, values, target in zip(found, batch, classes, strict=True):
        real = values >= 0
        tokens = torch.from_numpy(values[real].astype(np.int64))[None].to(device)
        attributions = method.attribute(
            _embedded(backbone, tokens),
            baselines=_embedded(backbone, torch.full_like(tokens, neutral)),
            target=int(target),
            additional_forward_args=(tokens,),
            n_steps=steps,
            internal_batch_size=min(steps, _POINTS_AT_ONCE),
        )
        row[real] = attributions.double().sum(dim=2)[0].cpu().numpy()
    return found


def _embedded(backbone: StagedBackbone, tokens: Tensor) -> Tensor:
    """What the first stage makes of one item's tokens, ``(1, L, E)``."""
    import torch

    with torch.no_grad():
        embedded: Tensor = backbone(tokens, 0, 1, tokens)
    if embedded.ndim != 3 or embedded.shape[:2] != tokens.shape:
        raise UsageError(
            f"Expected stage {backbone.stages[0].name!r} to put out one vector for each of {tokens.shape[1]} tokens, "
            f"but got shape {tuple(embedded.shape)}; attribution per token is for backbones that embed tokens first."
        )
    return embedded


def _explainer() -> Any:
    """The class that knows how."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise UnavailableError.missing_extra("Attribution per token", module="captum", extra="text") from None
    return IntegratedGradients
