"""Fault 10: an empty class, a class of one, one class only, an unknown class, 1,000 classes for 500 files."""

from pathlib import Path

from headstart.data.checks import Findings, check_classes
from headstart.data.readers.reading import read_data
from headstart.data.splits import assign_splits
from headstart.modalities.image import IMAGE


def make(root: Path, counts: dict[str, int]) -> Path:
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True)
        for number in range(count):
            (root / folder / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    return root


def check(root: Path, counts: dict[str, int]) -> Findings:
    return check_classes(read_data(make(root, counts), wanted=IMAGE))


def test_an_empty_class_is_a_warning_that_names_it(tmp_path):
    findings = check(tmp_path, {"ant": 30, "bee": 30, "wasp": 0})

    assert not findings.errors
    assert findings.warnings == ("1 class folder holds nothing usable and is no class: 'wasp'.",)


def test_a_class_of_one_is_a_warning_and_stays_in_training(tmp_path):
    findings = check(tmp_path, {"ant": 30, "bee": 30, "wasp": 1})

    assert any("one example" in warning and "'wasp'" in warning for warning in findings.warnings)
    items = assign_splits(read_data(tmp_path, wanted=IMAGE).items, seed=0)
    assert [item.split for item in items if item.label == "wasp"] == ["train"]


def test_one_class_only_is_an_error_that_says_what_to_make(tmp_path):
    (error,) = check(tmp_path, {"ant": 60}).errors

    assert "found only 'ant'" in error
    assert "make a folder" in error


def test_a_class_that_training_lacks_is_an_error_that_suggests_its_name(tmp_path):
    counts = {"train/ant": 30, "train/bee": 30, "val/ant": 9, "val/Bees": 9, "test/ant": 30, "test/bee": 30}
    (error,) = check(tmp_path, counts).errors

    assert "every class of the validation split" in error
    assert "'Bees'" in error and "'bee'" in error


def test_1000_classes_for_500_files(tmp_path):
    findings = check(tmp_path, {f"class{number:04d}": number % 2 for number in range(1000)})

    assert any("500 classes for 500 items" in error for error in findings.errors)
    assert any("500 class folders hold nothing usable" in warning for warning in findings.warnings)


def test_all_problems_come_at_once(tmp_path):
    findings = check(tmp_path, {"train/a": 3, "train/b": 3, "val/x": 1, "val/a": 1, "test/y": 1, "test/a": 1})

    assert len(findings.errors) == 2
