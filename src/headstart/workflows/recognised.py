"""Which kind of data it is, and what of it is an item: asked once, before anything else."""

from __future__ import annotations

from dataclasses import replace

from headstart.data.columns import Columns
from headstart.data.items import ItemTable
from headstart.data.modality import MODALITIES, Modality
from headstart.data.readers.reading import read_data
from headstart.data.readers.recognition import recognise
from headstart.workflows.arrange import ANY_MODALITY, DataOptions


def recognised(data: DataOptions) -> DataOptions:
    """The same data with the name of their modality, told by what is there where the user has not said it.

    Raises:
        DataError: It cannot be told; the message says what was looked for.
        UnknownNameError: The user named a modality that there is not.
    """
    if data.modality == ANY_MODALITY:
        return replace(data, modality=recognise(data.data, data.columns or Columns()))
    MODALITIES[data.modality]
    return data


def modality_of(data: DataOptions) -> Modality:
    """The modality of data that were recognised."""
    return MODALITIES[data.modality]


def read_items(data: str, modality: Modality, columns: Columns | None = None) -> ItemTable:
    """What the user has, as items: a file that holds several, such as a long recording, is several.

    Raises:
        DataError: What was found cannot be read as data; the message says what was expected.
    """
    return modality.expand(read_data(data, columns=columns, wanted=modality))
