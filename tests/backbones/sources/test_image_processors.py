"""Our preprocessing against transformers' own image processors, and what of theirs cannot be said."""

from typing import Any

import numpy as np
import pytest
import transformers
from PIL import Image

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.sources.image_processors import preprocess_of
from headstart.core.errors import UnavailableError
from headstart.data.image_views import prepare_reference

SQUARE = {"height": 48, "width": 48}
#: What a preprocessor_config.json says, and the preprocessing that it stands for: crop mode, side before and after.
CASES: list[tuple[dict[str, Any], tuple[str, int, int]]] = [
    ({"image_processor_type": "ViTImageProcessor", "size": SQUARE}, ("squash", 48, 48)),
    ({"image_processor_type": "ViTImageProcessorFast", "size": SQUARE, "do_normalize": False}, ("squash", 48, 48)),
    ({"feature_extractor_type": "ViTFeatureExtractor", "size": 48, "resample": 3}, ("squash", 48, 48)),
    ({"image_processor_type": "DeiTImageProcessor", "size": {"height": 54, "width": 54}, "crop_size": SQUARE},
     ("squash", 54, 48)),
    ({"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 54}, "crop_size": SQUARE},
     ("center", 54, 48)),
    ({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 48}, "crop_pct": 0.875},
     ("center", 54, 48)),
    ({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}}, ("squash", 384, 384)),
    ({"feature_extractor_type": "ConvNextFeatureExtractor", "size": 48, "crop_pct": 0.95}, ("center", 50, 48)),
    ({"image_processor_type": "BeitImageProcessor", "size": SQUARE, "crop_size": SQUARE, "do_center_crop": False},
     ("squash", 48, 48)),
]  # fmt: skip


def of(settings: dict[str, Any]) -> ImagePreprocess:
    return preprocess_of(settings, default="ViTImageProcessor", name="hf:some/model")


@pytest.mark.parametrize(("settings", "expected"), CASES)
def test_pictures_come_out_as_from_the_processor_itself(
    settings: dict[str, Any], expected: tuple[str, int, int]
) -> None:
    found = of(settings)
    assert (found.crop_mode, found.resized, found.size) == expected
    name = next(value for key, value in settings.items() if key.endswith("_type"))
    name = name.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
    processor = getattr(transformers, name).from_dict(settings)
    coarse = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    for width, height in ((100, 50), (60, 120), (90, 90)):
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        pixels = prepare_reference(
            np.asarray(picture),
            resized=found.resized,
            size=found.size,
            interpolation=found.interpolation,
            crop_mode=found.crop_mode,
        )
        ours = (pixels / 255 - np.array(found.mean)) / np.array(found.std)
        theirs = np.asarray(processor(picture, return_tensors="np")["pixel_values"])[0].transpose(1, 2, 0)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= 2.5 / 255 / min(found.std)


def test_what_cannot_be_said_is_refused_in_one_message() -> None:
    settings = {
        "size": {"height": 48, "width": 64},
        "resample": 1,
        "do_rescale": False,
        "do_pad": True,
        "do_resize": False,
    }
    with pytest.raises(UnavailableError) as caught:
        of(settings)
    for problem in ("hf:some/model", "no resize", "'width': 64", "resampling 1", "rescaling", "padding"):
        assert problem in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 40}, "crop_size": SQUARE},
        {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 54}, "do_center_crop": False},
        {"image_processor_type": "ViTImageProcessor", "size": SQUARE, "rescale_factor": 1.0},
    ],
)
def test_other_shapes_and_scales_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError, match="square RGB"):
        of(settings)


def test_a_processor_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(UnavailableError, match="CLIPImageProcessor"):
        of({"image_processor_type": "CLIPImageProcessor"})
