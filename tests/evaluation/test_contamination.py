import pytest

from headstart.evaluation.contamination import (
    coverage_warning,
    covered_classes,
    overlap_warning,
    overlapping_items,
)

IMAGENET = (
    "ant, emmet, pismire", "bee", "bee eater", "apiary, bee house", "catamaran", "tabby, tabby cat",
    "egyptian cat", "tree frog, tree-frog", "horse cart, horse-cart", "hotdog, hot dog, red hot", "school bus",
    "timber wolf, grey wolf, canis lupus", "golden retriever", "hippopotamus, hippo, river horse",
)  # fmt: skip

DEFINED = (
    "jay: crested largely blue bird", "airliner: a commercial airplane that carries passengers",
    "borzoi, russian wolfhound: tall fast-moving dog breed", "pomeranian: breed of very small dogs of the spitz type",
    "model t: the first widely available automobile powered by a gasoline engine",
    "prison, prison house: a correctional institution where persons are confined",
    "hip, rose hip: the fruit of a rose plant", "horse cart: heavy cart; drawn by a horse",
    "hotdog, hot dog: a frankfurter served hot on a bun", "echidna: a mammal with claws for hunting ants",
)  # fmt: skip


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("ants", ("ant",)), ("Bees", ("bee",)), ("cats", ("tabby", "egyptian cat")), ("frog", ("tree frog",)),
        ("golden_Retrievers", ("golden retriever",)), ("buses", ("school bus",)), ("wolves", ("timber wolf",)),
        ("dogs", ()), ("horse", ()), ("house", ()), ("retriever puppy", ()), ("cart", ("horse cart",)),
    ],
)  # fmt: skip
def test_classes_are_found_by_their_names(target: str, names: tuple[str, ...]) -> None:
    assert covered_classes([target], IMAGENET).get(target, ()) == names


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("bird", ("jay",)), ("airplanes", ("airliner",)), ("dogs", ("borzoi", "pomeranian")), ("rose", ()),
        ("automobile", ("model t",)), ("house", ()), ("person", ()), ("horse", ()), ("ant", ()), ("breed", ()),
    ],
)  # fmt: skip
def test_definitions_say_what_kind_of_thing_a_class_is(target: str, names: tuple[str, ...]) -> None:
    assert covered_classes([target], DEFINED).get(target, ()) == names


@pytest.mark.parametrize("name", ["1", "7", "a", "", "n01440764", "42_3"])
def test_names_without_a_word_never_match(name: str) -> None:
    assert covered_classes([name], [name, f"{name}, {name} {name}"]) == {}


@pytest.mark.parametrize(
    ("one", "many"),
    [("knife", "knives"), ("movie", "movies"), ("shoe", "shoes"), ("potato", "potatoes"), ("box", "boxes"),
     ("rose", "roses"), ("house", "houses"), ("fly", "flies"), ("dish", "dishes"), ("person", "people"),
     ("glass", "glasses"), ("giraffe", "giraffes"), ("pie", "pies"), ("bus", "buses"), ("axe", "axes")],
)  # fmt: skip
def test_number_does_not_matter(one: str, many: str) -> None:
    assert covered_classes([many], [one]) == {many: (one,)}
    assert covered_classes([one], [many]) == {one: (many,)}


def test_timms_own_descriptions_of_imagenet() -> None:
    timm_data = pytest.importorskip("timm.data")
    names = [name.lower() for name in timm_data.ImageNetInfo().label_descriptions(detailed=True)]
    cifar10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert list(covered_classes(cifar10, names)) == [name for name in cifar10 if name != "deer"]
    flowers = ["daisy", "dandelion", "rose", "sunflower", "tulip"]
    assert list(covered_classes(flowers, names)) == ["daisy"]
    assert list(covered_classes(["ants", "bees", "cats", "dogs"], names)) == ["ants", "bees", "cats", "dogs"]
    pacs = ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"]
    assert list(covered_classes(pacs, names)) == ["dog", "elephant", "guitar", "horse"]
    assert covered_classes([str(digit) for digit in range(10)], names) == {}


def test_the_warning_names_the_classes() -> None:
    covered = covered_classes(["ants", "bees"], IMAGENET)
    warning = coverage_warning(covered, target_classes=2, pretraining="ImageNet-1k")
    assert warning is not None
    assert warning.startswith("2 of 2 classes are among those of the pretraining on ImageNet-1k (ants, bees)")
    assert coverage_warning({}, target_classes=2, pretraining="ImageNet-1k") is None
    many = {f"class{number}": ("x",) for number in range(9)}
    assert "and 4 more" in str(coverage_warning(many, target_classes=9, pretraining="ImageNet-1k"))


def test_items_of_the_pretraining_are_counted() -> None:
    assert overlapping_items(["a", "b", "c"], ["b", "c", "d"]) == 2
    assert overlapping_items(["a"], []) == 0
    assert overlap_warning(0, test_items=9) is None
    assert str(overlap_warning(1, test_items=9)).startswith("1 of 9 test items was part of the pretraining")
