"""Whether the pretraining has seen the answer: target classes or test items that were part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Words = tuple[str, ...]

_IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse",
    "geese": "goose", "feet": "foot", "teeth": "tooth", "oxen": "ox",
}  # fmt: skip

_SHARED_ENDINGS = (
    (re.compile(r"ie$"), "y"),  # fly, flies
    (re.compile(r"[vf]e$"), "f"),  # wolf, wolves
    (re.compile(r"(?<=[sxzo])e$|(?<=[cs]h)e$"), ""),  # box, boxes; finch, finches; rose, roses
)

#: WordNet's definitions put the genus behind these: "a breed of toy dogs", "any of various birds".
_GENUS_FOLLOWS = re.compile(r"^.*?\b(?:any|breeds?|one|kinds?|species|types?|variety|varieties) of\b")

#: Words that end the noun phrase in which a definition names the genus.
_PHRASE_ENDS = re.compile(
    r"[;:,(]|\b(?:of|with|without|having|that|which|who|whose|from|in|on|at|by|to|for|as|used|bred|native|similar)\b"
)


def covered_classes(target_classes: Sequence[str], pretraining_classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Which target classes are among the pretraining classes, as the same thing or as a kind of it.

    A pretraining class is its names, separated by commas, and optionally a definition after a colon, as
    timm's ``ImageNetInfo(...).label_descriptions(detailed=True)`` gives them: ``"tabby, tabby cat: a cat with
    a grey coat"``. It covers a target class when, whole words and singular against singular,

    - one of its names is the target's name ("ant, emmet, pismire" covers "ants"),
    - its first name ends with it ("tree frog, tree-frog" covers "frog"; "horse cart" does not cover "horse"),
    - its definition says that it is one ("jay: crested largely blue bird" covers "bird"), or,
    - without a definition, a later name extends one of the others by it ("tabby, tabby cat" covers "cat").

    Names without a word in them (digits, single letters, ``n01440764``) never match: the digit 1 of one data
    set need not be that of another. Synonyms that the pretraining class does not list and other languages are
    not found either, nor what takes a taxonomy: of ImageNet's 118 breeds 7 cover "dogs" by their names and 39
    with definitions; that a golden retriever is a dog stands in neither. So the answer says whether a class
    is covered, not by how many.

    Args:
        target_classes: Class names of the user's task; case, underscores and hyphens do not matter.
        pretraining_classes: Class names of the pretraining task.

    Returns:
        Each covered target class with the first names of the pretraining classes that cover it, in their
        order.

    Example:
        >>> covered_classes(["ants", "sofa", "1"], ["ant, emmet, pismire", "catamaran", "1"])
        {'ants': ('ant',)}
    """
    classes = [_pretraining_class(text) for text in pretraining_classes]
    found = {
        target: tuple(known.names[0] for known in classes if _covers(known, words))
        for target in target_classes
        if _is_word(words := _singular(target))
    }
    return {target: names for target, names in found.items() if names}


def coverage_warning(
    covered: Mapping[str, Sequence[str]], *, target_classes: int, pretraining: str, most: int = 5
) -> str | None:
    """A sentence for card and verdict; ``None`` where no class is covered.

    Args:
        covered: What :func:`covered_classes` returned.
        target_classes: Number of classes of the user's task.
        pretraining: Name of the pretraining data, such as ``"ImageNet-1k"``.
        most: Classes that are listed by name.

    Example:
        >>> coverage_warning({"ants": ("ant",)}, target_classes=2, pretraining="ImageNet-1k")[:63]
        '1 of 2 classes is among those of the pretraining on ImageNet-1k'
    """
    if not covered:
        return None
    listed = ", ".join(list(covered)[:most]) + (f" and {len(covered) - most} more" if len(covered) > most else "")
    return (
        f"{len(covered)} of {target_classes} classes {'is' if len(covered) == 1 else 'are'} among those of "
        f"the pretraining on {pretraining} ({listed}): the backbone has seen such labels, so expect less "
        "from it on classes that it has not seen."
    )


def overlapping_items(test_digests: Iterable[str], pretraining_items: Iterable[str]) -> int:
    """How many test items are, byte for byte, among the items of the pretraining.

    Args:
        test_digests: SHA-256 of each test item's content, in hexadecimal.
        pretraining_items: The same for the pretraining's items.

    Example:
        >>> overlapping_items(["a1", "b2", "b2"], ["b2", "c3"])
        2
    """
    seen = set(pretraining_items)
    return sum(digest in seen for digest in test_digests)


def overlap_warning(count: int, *, test_items: int) -> str | None:
    """A sentence for card and verdict; ``None`` where no item is shared.

    Example:
        >>> overlap_warning(2, test_items=44)[:47]
        '2 of 44 test items were part of the pretraining'
    """
    if not count:
        return None
    return (
        f"{count} of {test_items} test items {'was' if count == 1 else 'were'} part of the pretraining: "
        "the test figures are too good; remove them from the test split."
    )


@dataclass(frozen=True, slots=True)
class _PretrainingClass:
    names: tuple[str, ...]
    words: tuple[Words, ...]
    definition: str


def _pretraining_class(text: str) -> _PretrainingClass:
    listed, _, definition = text.partition(":")
    names = tuple(name.strip() for name in listed.split(",") if name.strip()) or ("",)
    return _PretrainingClass(names, tuple(map(_singular, names)), definition.strip())


def _covers(known: _PretrainingClass, target: Words) -> bool:
    if target in known.words or _ends_with(known.words[0], target):
        return True
    if known.definition:
        return _ends_with(_genus(known.definition), target)
    return any((*shorter, *target) in known.words for shorter in known.words)


def _genus(definition: str) -> Words:
    """The words up to the one that says what kind of thing it is: "tall fast dog breed" ends at "dog"."""
    phrase = _PHRASE_ENDS.split(_GENUS_FOLLOWS.sub("", definition.lower()).strip(), maxsplit=1)[0]
    words = _singular(phrase)
    while words and (words[-1] in ("breed", "type") or words[-1].endswith(("ed", "ing", "ly"))):
        words = words[:-1]
    return words


def _ends_with(words: Words, ending: Words) -> bool:
    return words[-len(ending) :] == ending


def _is_word(words: Words) -> bool:
    text = "".join(words)
    return len(text) > 1 and any(map(str.isalpha, text)) and not re.fullmatch(r"n\d{8}", text)


def _singular(name: str) -> Words:
    return tuple(_singular_word(word) for word in re.findall(r"[^\W_]+", name.casefold()))


def _singular_word(word: str) -> str:
    """A spelling that an English noun and its regular plural share: "knife" and "knives" both give "knif"."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2:
        word = word[:-1]
    for ending, shared in _SHARED_ENDINGS:
        word = ending.sub(shared, word)
    return word
