"""What a modality tells the rest of the house; a manifest in ``modalities/`` fills it in.

No room asks which modality it serves. Whatever differs between pictures, texts and sounds is one of the fields below,
or of the preprocessing that comes with a backbone (:mod:`headstart.backbones.preprocess`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.core.registry import Registry
from headstart.data.inspection import Inspection
from headstart.data.items import Content, Item, ItemTable


@dataclass(frozen=True, slots=True)
class Prepared:
    """One item, decoded once and made ready for everything that a pass over the data wants of it.

    Attributes:
        inspection: What there is to know of it without a model.
        inputs: The backbone's input.
        plain: A small canonical form, ``(P,)``, uint8 or float32: near duplicates are confirmed on it, and what a
            linear model makes of it shows what can be had without any network.
    """

    inspection: Inspection
    inputs: NDArray[Any]
    plain: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An item as a report shows it; what is empty is not shown.

    Attributes:
        picture: A ``data:`` URI.
        text: Plain text.
        sound: A ``data:`` URI of a short piece.
        marks: Pieces of the text in order, each with how much it spoke for the prediction, in [-1, 1].
    """

    picture: str = ""
    text: str = ""
    sound: str = ""
    marks: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TokenPlaces:
    """Where the tokens of an input stand in the text that it was made of.

    Attributes:
        text: All of it; of a pair both texts, joined.
        places: Of each token the first character, and the one behind the last.
        neutral: A token that says nothing.
    """

    text: str
    places: Sequence[tuple[int, int]]
    neutral: int


@dataclass(frozen=True, eq=False)
class PlainProblem:
    """What a model without any network is to learn.

    Attributes:
        items: All items.
        forms: Their small canonical forms, rows ``(N, P)``.
        labels: Class numbers ``(N,)``; only those of training items may be looked at.
        train: Places of the training items.
        groups: The group of each training item; ``None`` where nobody has one.
        classes: Number of classes.
        seed: Of folds.
    """

    items: Sequence[Item]
    forms: Any
    labels: NDArray[np.int64]
    train: NDArray[np.intp]
    groups: list[str] | None
    classes: int
    seed: int


@dataclass(frozen=True, eq=False)
class PlainModel:
    """What came of it.

    Attributes:
        name: ``"raw pixels"``, ``"TF-IDF"``.
        detail: How it was fitted, in a few words.
        converged: Whether fitting came to an end.
        probabilities: Places of items to class probabilities, ``(n, C)``.
    """

    name: str
    detail: str
    converged: bool
    probabilities: Callable[[NDArray[np.intp]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """A network to be trained from scratch at the data's own size.

    Attributes:
        library: What builds it; see :mod:`headstart.backbones.architectures`.
        architecture: Its name there.
        preprocess: How its inputs are prepared.
    """

    library: str
    architecture: str
    preprocess: Any


@dataclass(frozen=True)
class Modality:
    """One kind of data.

    Attributes:
        name: ``"image"``.
        item_word: What one item is called, ``"photo"``.
        examples: What a user may give to be predicted, as on a command line: ``("photo.jpg", "folder/")``.
        suffixes: File name endings, lower case with the dot, that are read as items.
        in_cells: Whether a table's cell holds the item itself, as with texts, and not a path to it.
        literal: Whether what names no file is the item itself when it is to be predicted.
        feature: The type of such a column in a data set of Hugging Face's ``datasets``: ``"Image"``.
        takes: Kinds of preprocessing (:data:`headstart.backbones.preprocess.PREPROCESSES`) that it makes inputs for.
        foreign: Those among them that were made for other data: a backbone of such a kind was pretrained on nothing
            like these items, whatever the names of its classes.
        default_backbone: Used where the user names none; works without a network.
        plain_name: What the small canonical form is, ``"raw pixels"``.
        size_name: What :attr:`headstart.data.inspection.Inspection.size` counts.
        rule: The decoding rule's name and version, with the versions of the libraries that carry it out; part
            of every cache key.
        prepare: Content and preprocessing to everything that a pass wants, by the fast path; without
            preprocessing the content is decoded in full and there are no inputs.
        prepare_reference: Content and preprocessing to the backbone's input exactly as the source library
            makes it.
        expand: A table of what was found to a table of items: a long recording is several.
        augment: Content, preprocessing, a source of chance and the names of admitted invariances to the backbone's
            input, changed at random as its label allows; a pure function of its arguments. ``None`` where no change
            is known to be harmless.
        invariances: Changes of one prepared input that ought not to change its label, by name. Whether they do so
            here is for the data to say: a mirrored 2 is no digit.
        jitter: A batch as prepared (a tensor) and a torch generator to the batch, changed at random in small ways;
            for training from random weights. ``None`` where there is none.
        plain_model: Fits the plain baseline.
        small_network: What is known of the items and the backbone's preprocessing to the small network.
        exhibit: Content to what a report shows of it.
        places: Content and preprocessing to where the tokens of its input stand in its text; ``None`` where inputs are
            not made of tokens.
        mismatch: A file to a note where its ending says another format than its bytes; ``None`` where they agree.
        form: Content to what it is made of, where a model that learned from one form cannot answer for another:
            ``"a pair of texts"``. ``None`` where all items are of one form.
    """

    name: str
    item_word: str
    examples: tuple[str, ...]
    suffixes: frozenset[str]
    takes: frozenset[str]
    default_backbone: str
    plain_name: str
    size_name: str
    rule: Callable[[], str]
    prepare: Callable[[Content, Any], Prepared]
    prepare_reference: Callable[[Content, Any], NDArray[Any]]
    plain_model: Callable[[PlainProblem], PlainModel]
    small_network: Callable[[Sequence[Inspection], Any], SmallNetwork]
    exhibit: Callable[[Content], Exhibit]
    mismatch: Callable[[Path], str | None]
    augment: Callable[[Content, Any, np.random.Generator, Collection[str]], NDArray[Any]] | None
    invariances: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]]
    jitter: Callable[[Any, Any], Any] | None
    expand: Callable[[ItemTable], ItemTable] = lambda table: table
    places: Callable[[Content, Any], TokenPlaces] | None = None
    form: Callable[[Content], str] | None = None
    in_cells: bool = False
    literal: bool = False
    feature: str = ""
    foreign: frozenset[str] = frozenset()

    def changed(
        self, content: Content, preprocess: Any, chance: np.random.Generator, admitted: Collection[str]
    ) -> NDArray[Any]:
        """What :attr:`augment` makes of an item.

        Raises:
            UsageError: No change of such items is known to be harmless.
        """
        if self.augment is None:
            raise UsageError(
                f"Expected changes of a {self.item_word} that keep its label, but none is known; say --views 0."
            )
        return self.augment(content, preprocess, chance, admitted)


#: Modalities by name; all of them are manifests behind the entry-point group, ours included.
MODALITIES: Registry[Modality] = Registry("modality", {}, group="headstart.modalities")
