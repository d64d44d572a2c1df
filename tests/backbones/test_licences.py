import pytest

from headstart.backbones.licences import (
    NO_LICENCE_NEEDED,
    OF_YOUR_DATA,
    OWNERS,
    PERMISSIVE,
    allows,
    check,
    is_permissive,
    opened,
)
from headstart.core.errors import UsageError


@pytest.mark.parametrize("licence", ["Apache-2.0", "apache-2.0", "MIT", "BSD-3-Clause", "ISC", "cc0-1.0", "CC-BY-4.0"])
def test_permissive_licences_need_no_word(licence: str) -> None:
    check(licence, "timm:resnet18", [])


@pytest.mark.parametrize(
    "licence",
    [
        "cc-by-nc-4.0",
        "CC-BY-SA-4.0",
        "CC-BY-ND-4.0",
        "gpl-3.0",
        "agpl-3.0",
        "openrail",
        "gemma",
        "other",
        "unknown",
        "",
    ],
)
def test_any_other_licence_is_refused_and_the_flag_is_named(licence: str) -> None:
    with pytest.raises(UsageError, match="--allow-license") as refused:
        check(licence, "timm:resnet18", [])
    assert repr(licence) in str(refused.value) and "timm:resnet18" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_allowed_by_name_passes_in_any_spelling_and_nothing_else_with_it() -> None:
    assert allows("cc-by-nc-4.0", ["CC-BY-NC-4.0"])
    assert not allows("cc-by-nc-sa-4.0", ["CC-BY-NC-4.0"])
    assert not allows("unknown", ["cc-by-nc-4.0"])


def test_random_weights_and_the_owners_own_file_pass() -> None:
    assert is_permissive(NO_LICENCE_NEEDED)
    assert is_permissive(OWNERS)
    assert is_permissive(OF_YOUR_DATA)
    assert not is_permissive("unknown")


def test_no_licence_of_the_table_forbids_a_use() -> None:
    assert not {name for name in PERMISSIVE if {"nc", "nd", "sa", "gpl", "agpl"} & set(name.split("-"))}
    assert {name.casefold() for name in PERMISSIVE} == PERMISSIVE


def test_a_record_names_each_opened_licence_once() -> None:
    assert opened([NO_LICENCE_NEEDED, "mit", "gemma", "gemma", "unknown"]) == ("gemma", "unknown")
