import pytest

from headstart.backbones.imagenet import DATA_IN_TAGS
from headstart.backbones.pretraining_data import CORPORA, data_named, pretraining_of_tag


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("a1_in1k", "ImageNet-1k"),
        ("augreg_in21k_ft_in1k", "ImageNet-21k, then ImageNet-1k"),
        ("laion2b_ft_in12k_in1k", "LAION-2B, then ImageNet-12k, then ImageNet-1k"),
        ("fb_swsl_ig1b_ft_in1k", "Instagram (1 billion), then ImageNet-1k"),
        ("lvd142m", "LVD-142M"),
        ("mae", "ImageNet-1k"),
        ("fcmae_ft_in22k_in1k", "ImageNet-22k, then ImageNet-1k"),
        ("", "unknown (timm tag '')"),
    ],
)
def test_tags_name_their_data_in_the_order_they_were_seen(tag: str, expected: str) -> None:
    assert pretraining_of_tag(tag) == expected


def test_every_corpus_has_terms_and_says_where_they_stand() -> None:
    assert len({corpus.name for corpus in CORPORA}) == len(CORPORA)
    for corpus in CORPORA:
        assert corpus.terms
        assert corpus.source.startswith(("http", "arXiv:"))


def test_every_word_of_a_tag_means_one_corpus() -> None:
    words = [word for corpus in CORPORA for word in corpus.tags]
    assert len(words) == len(set(words))
    assert set(DATA_IN_TAGS) <= set(words)


def test_the_terms_of_every_name_that_a_tag_gives_are_known() -> None:
    for word in (word for corpus in CORPORA for word in corpus.tags):
        assert data_named(pretraining_of_tag(word))
    assert data_named("none (random weights)") == ()
