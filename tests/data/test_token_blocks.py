"""Blocks and windows of tokens."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.data.token_blocks import Frame, blocks, framed_blocks, windows


@pytest.mark.parametrize(("count", "length", "stride"), [(0, 4, 2), (3, 4, 2), (4, 4, 4), (97, 10, 3), (100, 16, 1)])
def test_every_token_is_judged_once_with_context(count, length, stride):
    judged = []
    for window in windows(count, length=length, stride=stride):
        assert window.end - window.begin <= length
        assert window.begin == 0 or window.scored - window.begin >= length - stride
        judged += range(window.scored, window.end)
    assert judged == list(range(count))


@pytest.mark.parametrize("stride", [0, 5])
def test_a_stride_that_leaves_tokens_out_is_refused(stride):
    with pytest.raises(UsageError, match="stride of 1 to 4"):
        list(windows(10, length=4, stride=stride))


def test_blocks_put_together_are_the_stream():
    tokens = np.random.default_rng(0).integers(0, 99, 1001).astype(np.int32)
    cut = blocks(tokens, 64)
    assert {len(block) for block in cut[:-1]} == {64}
    assert np.array_equal(np.concatenate(cut), tokens)


def test_frames_leave_room_for_themselves():
    texts = [np.arange(10, 17, dtype=np.int32), np.array([], np.int32), np.array([5], np.int32)]
    cut = framed_blocks(texts, 5, Frame((1,), (2,)))
    assert [block.tolist() for block in cut] == [[1, 10, 11, 12, 2], [1, 13, 14, 15, 2], [1, 16, 2], [1, 5, 2]]
    assert all(block.dtype == np.int32 for block in cut)
