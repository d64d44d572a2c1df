"""Names to parts: ours by import path, loaded when first asked for, and third parties' by entry point."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, cast

from headstart.core.errors import UnknownNameError

Part = TypeVar("Part")


class Registry(Generic[Part]):
    """A table of names whose parts are imported only when they are asked for.

    Args:
        kind: What the parts are, in a word or two, for error messages: ``"backbone source"``.
        builtin: Name to ``"package.module:attribute"``.
        group: Entry-point group in which third parties may add parts; ours win over theirs.

    Example:
        >>> paths = Registry[type]("path class", {"pure": "pathlib:PurePath"})
        >>> paths["pure"].__name__
        'PurePath'
        >>> paths["puer"]
        Traceback (most recent call last):
        headstart.core.errors.UnknownNameError: Expected the name of a path class, but got 'puer'; did you mean 'pure'?
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], *, group: str | None = None) -> None:
        self.kind = kind
        self._builtin = dict(builtin)
        self._group = group

    def __getitem__(self, name: str) -> Part:
        if name in self._builtin:
            module, attribute = self._builtin[name].split(":")
            return cast(Part, getattr(importlib.import_module(module), attribute))
        third_party = self._third_party()
        if name in third_party:
            return cast(Part, third_party[name].load())
        raise UnknownNameError(self.kind, name, self)

    def __contains__(self, name: object) -> bool:
        return name in self._builtin or name in self._third_party()

    def __iter__(self) -> Iterator[str]:
        yield from self._builtin
        yield from (name for name in self._third_party() if name not in self._builtin)

    def _third_party(self) -> dict[str, importlib.metadata.EntryPoint]:
        if self._group is None:
            return {}
        return {point.name: point for point in importlib.metadata.entry_points(group=self._group)}
