"""A tiny text backbone, converted, and texts of many lengths, so that whatever takes rows of different lengths runs."""

from pathlib import Path

import numpy as np

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard
from headstart.backbones.conversion import convert
from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.splitting import split_for
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.core.assets import keep_asset
from headstart.data.items import BytesSource, Item
from tests.backbones.small_texts import SMALL, VOCABULARY, enlarge, tokenizer

LIBRARY, BLOCK = "transformers_text", "encoder.layer.0"


def tiny_text_backbone(models: Path) -> ConvertedBackbone:
    """A BERT of three blocks and 32 dimensions."""
    spec = TextPreprocess(keep_asset(tokenizer().to_str().encode()), 64, VOCABULARY)
    model = build(LIBRARY, SMALL["bert"], spec.size)
    enlarge(model)
    backbone = split_for(model, spec).eval()
    card = BackboneCard("tiny:bert", "", SMALL["bert"], LIBRARY, "mit", "", "", 1, "0" * 64, spec, backbone.stages)
    return ConvertedBackbone.open(convert(backbone, card, models))


def tiny_texts(lengths: list[int], *, seed: int = 0) -> list[Item]:
    """Texts of so many words each; two tokens more stand around them."""
    random = np.random.default_rng(seed)
    words = [" ".join(f"w{word}" for word in random.integers(0, 80, length)) for length in lengths]
    return [Item(f"text {place}", BytesSource(text.encode())) for place, text in enumerate(words)]
