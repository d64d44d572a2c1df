"""One hash over all weights."""

import hashlib

import numpy as np

from headstart.backbones.identity import weights_sha256

WEIGHTS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array(3, np.int64)}


def test_the_hash_is_what_its_definition_says() -> None:
    text = b"timm\nnet\n" + b"a\nint64\n()\n" + (3).to_bytes(8, "little") + b"b\nfloat32\n(2, 3)\n"
    assert weights_sha256("timm", "net", WEIGHTS) == hashlib.sha256(text + WEIGHTS["b"].tobytes()).hexdigest()


def test_order_and_memory_layout_do_not_matter() -> None:
    turned = {"a": WEIGHTS["a"], "b": np.asfortranarray(WEIGHTS["b"]).astype(">f4")}
    assert weights_sha256("timm", "net", turned) == weights_sha256("timm", "net", WEIGHTS)


def test_everything_else_does() -> None:
    others = [
        ("headstart", "net", WEIGHTS),
        ("timm", "other", WEIGHTS),
        ("timm", "net", {"a": WEIGHTS["a"], "c": WEIGHTS["b"]}),
        ("timm", "net", {**WEIGHTS, "b": WEIGHTS["b"].reshape(3, 2)}),
        ("timm", "net", {**WEIGHTS, "b": WEIGHTS["b"].view(np.int32)}),
        ("timm", "net", {**WEIGHTS, "b": np.nextafter(WEIGHTS["b"], np.float32(9))}),
        ("timm", "net", {"b": WEIGHTS["b"]}),
    ]
    hashes = {weights_sha256(*other) for other in others}
    assert len(hashes) == len(others)
    assert weights_sha256("timm", "net", WEIGHTS) not in hashes
