"""Under which licence weights may be used without asking: permissive ones; any other takes a word from the user.

Weights are works of their own: their licence is often another than that of the code that reads them. A licence counts
as permissive where it lets anybody use, change and pass on the weights for any purpose, commercial use included, and
asks for no more than a notice. This is a rule for a default, and no legal advice.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable

from headstart.core.errors import UsageError

#: The licence of weights that nobody has trained.
NO_LICENCE_NEEDED = "none needed (random weights)"

#: Licence and pretraining of a file that its owner brings: nothing in it says, and its owner knows.
OWNERS = "unknown (the owner's file)"

#: The licence of weights that a run trained from nothing.
OF_YOUR_DATA = "that of your data"

#: What headstart itself says of weights, and takes no permission for; nobody else's word counts as one of them.
OWN_WORDS = (NO_LICENCE_NEEDED, OWNERS, OF_YOUR_DATA)

#: SPDX identifiers (https://spdx.org/licenses), lower case.
PERMISSIVE = frozenset(
    {
        "0bsd", "afl-3.0", "apache-2.0", "blueoak-1.0.0", "bsd-1-clause", "bsd-2-clause", "bsd-2-clause-patent",
        "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "cc-by-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0",
        "cc-by-4.0", "cc-pddc", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "ecl-2.0", "isc", "mit",
        "mit-0", "ms-pl", "mulanpsl-2.0", "ncsa", "odc-by-1.0", "pddl-1.0", "python-2.0", "unlicense", "upl-1.0",
        "wtfpl", "zlib",
    }
)  # fmt: skip

#: Other spellings of the same licences, as model cards write them.
_SPELLINGS = {
    "apache": "apache-2.0",
    "apache 2.0": "apache-2.0",
    "apache license 2.0": "apache-2.0",
    "bsd": "bsd-3-clause",
    "bsd 3-clause": "bsd-3-clause",
    "cc-by": "cc-by-4.0",
    "cc0": "cc0-1.0",
    "odc-by": "odc-by-1.0",
    "pddl": "pddl-1.0",
}

#: Named by ``--licence`` in place of a licence.
ANY_PERMISSIVE = "permissive"


def is_permissive(licence: str) -> bool:
    """Whether weights under this licence are used without asking.

    Random weights need no licence, and whoever brings a file or data of their own knows its licence: these pass.

    Args:
        licence: An SPDX identifier or the owner's words, in any case.

    Example:
        >>> is_permissive("Apache-2.0"), is_permissive("CC-BY-4.0"), is_permissive("CC-BY-NC-4.0")
        (True, True, False)
    """
    return licence in OWN_WORDS or _identifier(licence) in PERMISSIVE


def same_licence(one: str, other: str) -> bool:
    """Whether two spellings mean the same licence.

    Example:
        >>> same_licence("apache-2.0", "Apache 2.0")
        True
    """
    return _identifier(one) == _identifier(other)


def allows(licence: str, allowed: Collection[str]) -> bool:
    """Whether weights under ``licence`` may be used where the user allowed ``allowed`` beside the permissive ones."""
    return is_permissive(licence) or any(same_licence(licence, name) for name in allowed)


def check(licence: str, name: str, allowed: Collection[str]) -> None:
    """Refuses weights whose licence is neither permissive nor allowed.

    Args:
        licence: Of the weights.
        name: The backbone, as the user wrote it.
        allowed: Licences that the user allowed by name.

    Raises:
        UsageError: Names the licence and the option that allows it.

    Example:
        >>> check("cc-by-nc-4.0", "timm:convnextv2_tiny.fcmae", ["CC-BY-NC-4.0"])
    """
    if not allows(licence, allowed):
        why = "nobody says under which licence they are" if licence == "unknown" else "that is not a permissive licence"
        raise UsageError(
            f"Expected the weights of {name} to be under a permissive licence, but they are under {licence!r}, and "
            f"{why}; read it, and if it allows your use, say --allow-license {shlex.quote(licence)}."
        )


def opened(licences: Iterable[str]) -> tuple[str, ...]:
    """The licences among these for which the user's word was needed: what a run's record says of it.

    Example:
        >>> opened(["cc-by-nc-4.0", "MIT", "cc-by-nc-4.0"])
        ('cc-by-nc-4.0',)
    """
    return tuple(dict.fromkeys(licence for licence in licences if not is_permissive(licence)))


def _identifier(licence: str) -> str:
    plain = " ".join(licence.casefold().split())
    return _SPELLINGS.get(plain, plain)
