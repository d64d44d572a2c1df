import pytest

from headstart.data.label_sets import read_label_sets, written_label_set


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["b;a", "a"], [("a", "b"), ("a",)]),
        (["b | a", "a"], [("a", "b"), ("a",)]),
        (["b,a", ""], [("a", "b"), ()]),
        (["New York, NY;Boston", "Paris, TX"], [("Boston", "New York, NY"), ("Paris, TX",)]),
        (["a;;a; "], [("a",)]),
        (['["b", "a"]', "[]"], [("a", "b"), ()]),
        (["['b', 'a']", "[1, 2]"], [("a", "b"), ("1", "2")]),
        (["[None, 'a']"], [("a",)]),
    ],
)
def test_labels_are_found_however_they_are_written(cells, expected):
    assert read_label_sets(cells) == expected


def test_what_is_written_is_read_again():
    labels = ("a;b", "c, d", 'e"f', "ü")
    (again,) = read_label_sets([written_label_set(labels)])
    assert again == tuple(sorted(labels))


@pytest.mark.parametrize("cell", ["[a", "[[1], [2]]", "[{'a': 1}]", "[].append"])
def test_a_list_that_is_none_is_refused(cell):
    with pytest.raises(ValueError, match="Expected a list of labels"):
        read_label_sets([cell])
