"""Fault 11: the same picture in two splits leaves training, counted; a nearly equal one is reported and kept."""

import io
import unicodedata
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.data.duplicates import across_splits, near_pairs, remove_near, resolve_duplicates
from headstart.data.image_views import perceptual_hash, pixels_digest, small_picture
from headstart.data.images import decode
from headstart.data.inspection import Inspection
from headstart.data.readers.reading import read_data
from headstart.data.splits import assign_splits
from headstart.modalities.image import IMAGE
from headstart.modalities.text import TEXT


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    image.save(stream, "JPEG" if path.suffix == ".jpg" else path.suffix[1:].upper(), **options)
    path.write_bytes(stream.getvalue())


def inspected(root: Path):
    table = read_data(root, wanted=IMAGE)
    pictures = [decode(item.source.read()) for item in table.items]
    inspections = [
        Inspection(pixels_digest(picture.pixels), perceptual_hash(picture.pixels), (picture.width, picture.height))
        for picture in pictures
    ]
    forms = np.stack([small_picture(picture.pixels).reshape(-1) for picture in pictures])
    return table, inspections, forms


def test_equal_once_decoded_leaves_training_and_near_stays_unless_asked(tmp_path):
    for seed in range(8):
        save(photo(seed), tmp_path / "train" / "ab"[seed % 2] / f"{seed}.png")
        save(photo(100 + seed), tmp_path / "test" / "ab"[seed % 2] / f"{seed}.png")
    save(photo(100), tmp_path / "train" / "a" / "copy.bmp")  # other bytes, same pixels
    save(photo(101), tmp_path / "train" / "b" / "again.jpg", quality=80)  # nearly the same

    table, inspections, forms = inspected(tmp_path)
    resolved, kept = resolve_duplicates(table, inspections)

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("train/a/copy.bmp", "duplicate")]
    assert "test/a/0.png (test)" in table.ledger.excluded[0].detail
    assert len(resolved.items) == 17

    hashes = np.array([inspections[place].near_hash for place in kept], np.uint64)
    pairs = across_splits(resolved.items, near_pairs(hashes, forms[kept]))
    assert [{resolved.items[pair.first].id, resolved.items[pair.second].id} for pair in pairs] == [
        {"test/b/1.png", "train/b/again.jpg"}
    ]
    remaining, _ = remove_near(resolved, pairs)
    assert {item.id for item in resolved.items} - {item.id for item in remaining.items} == {"train/b/again.jpg"}


def test_where_no_split_is_given_copies_land_in_the_same_one(tmp_path):
    for seed in range(30):
        save(photo(seed), tmp_path / "ab"[seed % 2] / f"{seed}.png")
        save(photo(seed), tmp_path / "ab"[seed % 2] / f"copy{seed}.bmp")

    table, inspections, _ = inspected(tmp_path)
    resolved, _ = resolve_duplicates(table, inspections)
    split_of = {item.id: item.split for item in assign_splits(resolved.items, seed=0)}

    assert len(split_of) == 60
    assert set(split_of.values()) == {"train", "validation", "test"}
    for seed in range(30):
        assert split_of[f"{'ab'[seed % 2]}/{seed}.png"] == split_of[f"{'ab'[seed % 2]}/copy{seed}.bmp"]


def test_texts_that_are_equal_or_nearly_so_are_told_apart(tmp_path):
    said = [f"the {thing} of this film was {verdict} from the first minute to the last, {n}" for n, (thing, verdict) in
            enumerate(product(("story", "music", "acting"), ("wonderful", "hard to bear")))]  # fmt: skip
    accent = "Café"
    train = [*said[:4], f"{accent} by the sea, a film", said[5].upper()]
    test = [said[4], said[5], f"  {unicodedata.normalize('NFD', accent)} by the sea, a film "]
    for name, texts in (("train", train), ("test", test)):
        rows = "".join(f'"{text}",{place % 2}\n' for place, text in enumerate(texts))
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}")
    table = read_data(tmp_path, wanted=TEXT)
    prepared = [TEXT.prepare(item.source.read(), None) for item in table.items]

    resolved, kept = resolve_duplicates(table, [one.inspection for one in prepared])

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("train.csv:6", "duplicate")]
    hashes = np.array([prepared[place].inspection.near_hash for place in kept], np.uint64)
    pairs = across_splits(resolved.items, near_pairs(hashes, np.stack([prepared[place].plain for place in kept])))
    assert [(resolved.items[pair.first].id, resolved.items[pair.second].id) for pair in pairs] == [
        ("test.csv:3", "train.csv:7")
    ]
