"""What travels with a backbone's weights: their origin, how to prepare an input, what the stages are."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from headstart.backbones.preprocess import Preprocess, preprocess_from_json, preprocess_to_json
from headstart.core.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

Interpolation = Literal["bilinear", "bicubic"]

#: Which sides are resized before the crop: the shorter one and the other in proportion, or both to the same length.
CropMode = Literal["center", "squash"]

#: Axes of a stage's output: N examples, C channels, H × W places, L tokens.
Layout = Literal["NCHW", "NHWC", "NLC", "NC"]


@dataclass(frozen=True, slots=True)
class ImagePreprocess:
    """How a decoded RGB picture becomes a backbone's input.

    The shorter side (``"center"``) or both sides (``"squash"``) are resized to ``floor(size / crop)`` with an
    antialiased filter, the centre ``size`` × ``size`` is cut out, values are divided by 255, ``mean`` is subtracted
    and the result is divided by ``std``.

    Attributes:
        size: Side of the square input, in pixels.
        crop: Share of the resized picture that the centre crop keeps, in (0, 1].
        interpolation: The resize filter.
        mean: Per channel, of values in [0, 1].
        std: Per channel, of values in [0, 1].
        crop_mode: Which sides are resized.
    """

    kind: ClassVar[str] = "image"

    size: int
    crop: float
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop_mode: CropMode = "center"

    @property
    def resized(self) -> int:
        """Length of the shorter side before the crop, in pixels; of both sides where they are squashed."""
        return int(self.size / self.crop)

    @property
    def axes(self) -> tuple[int, int, int]:
        """``(size, size, 3)``: RGB."""
        return self.size, self.size, 3

    @property
    def has_context(self) -> bool:
        """No."""
        return False

    @property
    def assets(self) -> Mapping[str, str]:
        """None."""
        return {}

    def random_inputs(self, count: int, *, seed: int = 0) -> NDArray[np.uint8]:
        """Inputs for trials and checks, uint8 ``(count, size, size, 3)``.

        Noise, and as the last of several a picture whose neighbouring pixels are nearly alike, as in photographs.
        """
        import numpy as np

        pictures = np.random.default_rng(seed).integers(0, 256, (count, *self.axes), dtype=np.uint8)
        if count > 1:
            across = np.linspace(0, np.pi, self.size)
            waves = [np.sin(across * (1 + channel))[:, None] * np.cos(across)[None, :] for channel in range(3)]
            pictures[-1] = np.rint(127.5 + 127.5 * np.stack(waves, axis=-1))
        return pictures

    def fitted_to(self, batches: Iterable[NDArray[np.uint8]]) -> ImagePreprocess:
        """With mean and standard deviation per channel of these pictures.

        The deviation is at least 1/255, so that a constant channel can be divided by it.
        """
        import numpy as np

        sums, count = np.zeros((2, 3)), 0
        for batch in batches:
            values = batch.reshape(-1, 3) / 255
            sums += values.sum(axis=0), (values**2).sum(axis=0)
            count += len(values)
        mean, square = sums / count
        deviation = np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), 1 / 255)
        return replace(self, mean=tuple(mean.tolist()), std=tuple(deviation.tolist()))

    def entrance(self) -> nn.Module:
        """``(x / 255 - mean) / std``, channels first."""
        from headstart.backbones.entrances import PictureEntrance

        return PictureEntrance(self.mean, self.std)


def crop_share(size: int, resized: int) -> float:
    """The ``crop`` of an :class:`ImagePreprocess` that resizes to exactly ``resized`` pixels.

    ``size / resized`` itself may come out one pixel short, because the quotient of a quotient is rounded twice.

    Example:
        >>> ImagePreprocess(224, crop_share(224, 232), "bilinear", (0, 0, 0), (1, 1, 1)).resized
        232
    """
    share = size / resized
    return share if int(size / share) == resized else math.nextafter(share, 0)


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the ordered parts of a backbone.

    Attributes:
        name: As in the source model: ``"layer4.1"``, ``"blocks.6"``.
        dim: Size of this stage's pooled features: the mean over all places or tokens.
        layout: Axes of this stage's output.
        boundary: Whether a transfer may be cut after this stage (the law holds there).
    """

    name: str
    dim: int
    layout: Layout
    boundary: bool = True


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """The file that a set of weights was read from.

    Attributes:
        sha256: Of the whole file.
        bytes: Its size.
    """

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class BackboneCard:
    """The passport of a set of weights.

    Attributes:
        name: ``source:architecture.tag``, as a user writes it.
        source: Where the weights came from, in words a person can follow.
        architecture: The source library's name of the architecture.
        library: The library that builds the architecture, such as ``"timm"``.
        licence: SPDX identifier or the owner's words; of the weights, not of the code.
        pretraining: Data the weights were trained on, such as ``"ImageNet-1k"``; ``"none (random weights)"``
            for random.
        pretraining_classes: Class names of the pretraining task, lower case; empty where unknown.
        paper: Reference of the architecture.
        parameters: Number of parameters of the backbone.
        sha256: Hash over the weights: the backbone's identity.
        preprocess: How an input is prepared.
        stages: Input to output.
        pretraining_items: Content digests of the items it was trained on, where known (``run:`` backbones).
        file: The file that the weights were read from, where it is one file and known.
    """

    name: str
    source: str
    architecture: str
    library: str
    licence: str
    pretraining: str
    paper: str
    parameters: int
    sha256: str
    preprocess: Preprocess
    stages: tuple[Stage, ...]
    pretraining_classes: tuple[str, ...] = ()
    pretraining_items: tuple[str, ...] = field(default=(), repr=False)
    file: WeightsFile | None = None

    @property
    def pretrained(self) -> bool:
        """Whether anybody has trained these weights."""
        return not self.pretraining.startswith("none")

    @property
    def top(self) -> Stage:
        """The last stage: its pooled output is the source model's own."""
        return self.stages[-1]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self) | {"preprocess": preprocess_to_json(self.preprocess)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> BackboneCard:
        """The card that :meth:`to_json` wrote.

        Raises:
            WeightsError: These are not the values of a card.
        """
        try:
            stages = tuple(Stage(**stage) for stage in values["stages"])
            lists = {key: tuple(values[key]) for key in ("pretraining_classes", "pretraining_items")}
            file = WeightsFile(**values["file"]) if values.get("file") else None
            parts = {"preprocess": preprocess_from_json(values["preprocess"]), "stages": stages, "file": file}
            return cls(**{**values, **lists, **parts})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(
                f"Expected the card of a backbone, but got {error!r}; it was written by another version of headstart, "
                "or is damaged. Make it again."
            ) from error
