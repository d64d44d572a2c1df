"""The longest beginning counts, whichever library spells the name."""

import pytest

from headstart.backbones.papers import paper_of


@pytest.mark.parametrize(
    ("architecture", "paper"),
    [
        ("efficientnet_b0", "1905.11946"),
        ("efficientnet_v2_s", "2104.00298"),
        ("tf_efficientnetv2_s", "2104.00298"),
        ("swin_t", "2103.14030"),
        ("swin_v2_t", "2111.09883"),
        ("mobilenetv1_100", "1704.04861"),
    ],
)
def test_a_name_has_its_own_paper(architecture, paper):
    assert paper in paper_of(architecture)


def test_what_is_not_known_is_not_made_up():
    assert paper_of("something_else") == ""
