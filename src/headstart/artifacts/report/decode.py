"""From parsed JSON to frozen dataclasses, strictly: every wrong or missing key is found and named at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from headstart.core.errors import RunFolderError

Record = TypeVar("Record")
_NUMBERS = {int: (int,), float: (int, float)}


def decode(kind: type[Record], values: object, where: str) -> Record:
    """Builds the dataclass ``kind`` from JSON values; keys that it does not know are passed over.

    A field without a default is required; ``metadata={"key": "class"}`` gives it another name in the JSON.
    Type hints may be ``str``, ``int``, ``float``, ``bool``, ``Any``, ``Literal``, ``X | None``, ``tuple``,
    ``Mapping`` and dataclasses.

    Args:
        kind: The dataclass to build.
        values: What a JSON parser returned.
        where: Name of the file, for messages.

    Returns:
        The decoded record.

    Raises:
        RunFolderError: Keys are missing or hold something else; all of them are named.
    """
    problems: list[str] = []
    record = _decode(kind, values, where, problems)
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems[:20])
        raise RunFolderError(
            f"Expected {where} as headstart writes it, but {len(problems)} value(s) differ; "
            f"fit again, or restore the file:\n{listed}"
        )
    return record  # type: ignore[no-any-return]


def _decode(kind: Any, value: object, where: str, problems: list[str]) -> Any:
    """``value`` as ``kind``; what does not fit is added to ``problems``."""
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _decode_record(kind, value, where, problems)
    if get_origin(kind) is not None:
        return _decode_generic(kind, value, where, problems)
    accepted = _NUMBERS.get(kind, (kind,))
    fits = isinstance(value, accepted) and (kind is bool or not isinstance(value, bool))
    return _expect(fits, kind.__name__, value, where, problems)


def _decode_generic(kind: Any, value: object, where: str, problems: list[str]) -> Any:
    """``X | None``, a tuple, a mapping or a literal."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return _decode_tuple(arguments, value, where, problems)
    if origin is Mapping:
        return _decode_mapping(arguments[1], value, where, problems)
    if origin is Literal:
        return _expect(value in arguments, f"one of {', '.join(map(repr, arguments))}", value, where, problems)
    inner = next(argument for argument in arguments if argument is not type(None))
    return None if value is None else _decode(inner, value, where, problems)


def _decode_record(kind: Any, value: object, where: str, problems: list[str]) -> Any:
    """A dataclass from an object; problems of its own ``__post_init__`` count as well."""
    if not isinstance(value, Mapping):
        return _expect(False, "an object", value, where, problems)
    known = len(problems)
    arguments: dict[str, Any] = {}
    for field, hint in _fields_with_hints(kind):
        key = field.metadata.get("key", field.name)
        if key in value:
            arguments[field.name] = _decode(hint, value[key], f"{where}: {key}", problems)
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(f"{where}: {key} is missing")
    if len(problems) > known:
        return None
    try:
        return kind(**arguments)
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None


def _decode_tuple(kinds: tuple[Any, ...], value: object, where: str, problems: list[str]) -> Any:
    """``tuple[X, ...]`` from an array, or ``tuple[X, Y]`` from an array of that length."""
    if not isinstance(value, list | tuple):
        return _expect(False, "an array", value, where, problems)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        if kinds[0] in (int, str) and set(map(type, value)) <= {kinds[0]}:
            return tuple(value)  # a thousand classes make a million counts
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        return _expect(False, f"an array of {len(kinds)}", value, where, problems)
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_decode(kind, entry, f"{where}[{index}]", problems) for index, (kind, entry) in pairs)


def _decode_mapping(kind: Any, value: object, where: str, problems: list[str]) -> Any:
    """``Mapping[str, X]`` from an object."""
    if not isinstance(value, Mapping):
        return _expect(False, "an object", value, where, problems)
    return {str(key): _decode(kind, entry, f"{where}: {key}", problems) for key, entry in value.items()}


def _expect(fits: bool, expected: str, value: object, where: str, problems: list[str]) -> Any:
    """``value`` where it fits, else a problem that says what was expected."""
    if fits:
        return value
    text = repr(value)
    problems.append(f"{where}: expected {expected}, but got {text if len(text) <= 60 else text[:57] + '...'}")
    return None


@cache
def _fields_with_hints(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:
    """The fields of a dataclass that its constructor takes, with their resolved type hints."""
    hints = get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in fields(kind) if field.init)
