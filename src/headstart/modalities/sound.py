"""Sounds: words, music, machines, animals, rooms."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.catalog import DEFAULT_BACKBONE
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.sound_preprocess import MelPreprocess, WaveformPreprocess
from headstart.data import sound_changes, sound_views, sounds, spectra
from headstart.data.inspection import Inspection
from headstart.data.items import Content
from headstart.data.modality import Exhibit, Modality, Prepared, SmallNetwork
from headstart.data.sound_windows import expand
from headstart.evaluation.plain import DensePlainModel

#: Raised whenever one of data/sound*.py or data/spectra.py comes to give another value.
RULE = "sound rule 1"
PLAIN_NAME = "MFCC statistics"
#: Side of the log-mel pictures that the small network learns from.
SMALL_SIDE = 64
_HALF = (0.5, 0.5, 0.5)


def _rule() -> str:
    return f"{RULE}, {sounds.decoder_versions()}"


def _prepare(content: Content, preprocess: Preprocess | None) -> Prepared:
    sound = sounds.decode(content)
    levels = sound_views.log_mel(sound.samples, sound.rate)
    return Prepared(
        inspection=Inspection(
            content_digest=sounds.samples_digest(sound),
            near_hash=sound_views.near_hash(levels),
            size=(sound.milliseconds, sound.rate),
            notes=sound.notes,
        ),
        inputs=_inputs(sound.samples, sound.rate, preprocess) if preprocess else np.empty(0, dtype=np.float32),
        plain=sound_views.mfcc_statistics(levels),
    )


def _prepare_reference(content: Content, preprocess: Preprocess) -> NDArray[Any]:
    sound = sounds.decode(content)
    return _inputs(sound.samples, sound.rate, preprocess)


def _inputs(samples: NDArray[np.float32], rate: int, preprocess: Any) -> NDArray[Any]:
    return _INPUTS[preprocess.kind](samples, rate, preprocess)


def _picture(samples: NDArray[np.float32], rate: int, preprocess: ImagePreprocess) -> NDArray[np.uint8]:
    """The whole of it: nothing is cropped from a spectrogram, whose edges are the lowest tones and the beginning."""
    return sound_views.picture(sound_views.log_mel(samples, rate), preprocess.size)


def _spectrum(samples: NDArray[np.float32], rate: int, preprocess: MelPreprocess) -> NDArray[np.float32]:
    resampled = sounds.resampled(samples, rate, preprocess.rate)
    if preprocess.loudness is not None:
        resampled = sounds.at_least_as_loud(resampled, preprocess.loudness)
    return spectra.mel_spectrum(resampled, preprocess.settings, frames=preprocess.frames)


def _waveform(samples: NDArray[np.float32], rate: int, preprocess: WaveformPreprocess) -> NDArray[np.float32]:
    resampled = sounds.resampled(samples, rate, preprocess.rate)[: preprocess.samples]
    if preprocess.unit_variance:
        resampled = sounds.of_unit_variance(resampled)
    return np.pad(resampled, (0, preprocess.samples - len(resampled)))


_INPUTS: dict[str, Callable[..., NDArray[Any]]] = {
    ImagePreprocess.kind: _picture,
    MelPreprocess.kind: _spectrum,
    WaveformPreprocess.kind: _waveform,
}


def _augment(
    content: Content, preprocess: Preprocess, chance: np.random.Generator, admitted: Collection[str]
) -> NDArray[Any]:
    sound = sounds.decode(content)
    inputs = _inputs(sound_changes.changed_samples(sound.samples, chance), sound.rate, preprocess)
    if inputs.ndim > 1 and chance.random() < 0.5:
        inputs = sound_changes.masked(inputs, chance, fill=float(inputs.mean()))
    for name in sorted(admitted):
        if chance.random() < 0.5:
            inputs = _INVARIANCES[name](inputs)
    return inputs


_INVARIANCES = {"played backwards": sound_changes.backwards}


def _jitter(batch: Any, generator: Any) -> Any:
    from headstart.data.sound_jitter import jitter

    return jitter(batch, generator)


def _small_network(inspections: Sequence[Inspection], preprocess: Preprocess) -> SmallNetwork:
    """On log-mel pictures, whatever the backbone hears."""
    return SmallNetwork("headstart", "small_convnet", ImagePreprocess(SMALL_SIDE, 1.0, "bilinear", _HALF, _HALF))


def _exhibit(content: Content) -> Exhibit:
    sound = sounds.decode(content)
    picture = sound_views.thumbnail(sound_views.log_mel(sound.samples, sound.rate))
    return Exhibit(picture=_data_uri("image/png", picture), sound=_data_uri("audio/wav", sound_views.player(sound)))


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64," + base64.b64encode(content).decode("ascii")


def _mismatch(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return sounds.name_mismatch(path.name, stream.read(64))
    except OSError:
        return None  # decoding will name it


SOUND = Modality(
    name="sound",
    item_word="recording",
    examples=("word.wav", "folder/"),
    suffixes=sounds.SUFFIXES,
    takes=frozenset(_INPUTS),
    foreign=frozenset({ImagePreprocess.kind}),
    default_backbone=DEFAULT_BACKBONE,
    plain_name=PLAIN_NAME,
    size_name="milliseconds and samples per second",
    rule=_rule,
    prepare=_prepare,
    prepare_reference=_prepare_reference,
    plain_model=DensePlainModel(PLAIN_NAME, standardised=True),
    small_network=_small_network,
    exhibit=_exhibit,
    mismatch=_mismatch,
    augment=_augment,
    invariances=_INVARIANCES,
    jitter=_jitter,
    expand=expand,
    feature="Audio",
)
