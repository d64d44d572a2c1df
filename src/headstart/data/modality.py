"""What a modality tells the rest of the house; a manifest in ``modalities/`` fills it in.

No room asks which modality it serves. Whatever differs between pictures, texts and sounds is one of the
functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.registry import Registry
from headstart.data.inspection import Inspection
from headstart.data.items import Content


@dataclass(frozen=True, slots=True)
class Prepared:
    """One item, decoded once and made ready for everything that a pass over the data wants of it.

    Attributes:
        inspection: What there is to know of it without a model.
        inputs: The backbone's input.
        plain: The representation that the plain baseline learns from, ``(P,)``.
    """

    inspection: Inspection
    inputs: NDArray[Any]
    plain: NDArray[np.uint8]


@dataclass(frozen=True)
class Modality:
    """One kind of data.

    Attributes:
        name: ``"image"``.
        item_word: What one item is called, ``"photo"``.
        suffixes: File name endings, lower case with the dot, that are read as items.
        default_backbone: Used where the user names none; works without a network.
        plain_name: What the plain baseline learns from, ``"raw pixels"``.
        rule: The decoding rule's name and version, with the versions of the libraries that carry it out; part
            of every cache key.
        prepare: Content and preprocessing to everything that a pass wants, by the fast path; without
            preprocessing the content is decoded in full and there are no inputs.
        prepare_reference: Content and preprocessing to the backbone's input exactly as the source library
            makes it.
        augment: Content, preprocessing, a source of chance and the names of admitted invariances to the backbone's
            input, changed at random as its label allows; a pure function of its arguments.
        invariances: Changes of one prepared input that ought not to change its label, by name. Whether they do so
            here is for the data to say: a mirrored 2 is no digit.
        miniature: Content and a side in pixels to a small input at the data's native size, for the small
            network.
        thumbnail: Content to a ``data:`` URI for the report.
        mismatch: A file to a note where its ending says another format than its bytes; ``None`` where they agree.
    """

    name: str
    item_word: str
    suffixes: frozenset[str]
    default_backbone: str
    plain_name: str
    rule: Callable[[], str]
    prepare: Callable[[Content, Any], Prepared]
    prepare_reference: Callable[[Content, Any], NDArray[Any]]
    augment: Callable[[Content, Any, np.random.Generator, Collection[str]], NDArray[Any]]
    invariances: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]]
    miniature: Callable[[Content, int], NDArray[np.uint8]]
    thumbnail: Callable[[Content], str]
    mismatch: Callable[[Path], str | None]


#: Modalities by name; all of them are manifests behind the entry-point group, ours included.
MODALITIES: Registry[Modality] = Registry("modality", {}, group="headstart.modalities")
