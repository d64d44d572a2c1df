"""What the defaults come to on real recordings, and that the record is honest about it."""

import pytest
from tests.five_folds import PLAIN, PRETRAINED, TWIN, five_fold_accuracies

import headstart


@pytest.mark.slow
@pytest.mark.data
def test_esc10_heard_as_pictures(real_data):
    """Pretrained on photos: far above chance (0.1), and above the same network at random; all five are benchmarked."""
    found = five_fold_accuracies(real_data / "esc10", folds=("1", "2"))
    assert set(found) == {PRETRAINED, PLAIN, TWIN}
    assert found[PRETRAINED].low > 0.4
    assert found[PLAIN].low > 0.3
    assert found[PRETRAINED].value >= found[TWIN].value


@pytest.mark.data
def test_spoken_digits_are_told_better_by_mfcc_statistics_and_the_verdict_says_so(real_data, tmp_path):
    columns = headstart.Columns(pattern=r"(?P<label>\d)_[^/]*$")
    run = headstart.fit(real_data / "fsdd", out=tmp_path / "run", strategy="probe", scratch=False, columns=columns)
    assert run.metrics["splits"] == {"train": 260, "validation": 40, "test": 180}
    verdict = run.metrics["verdict"]
    assert (verdict["outcome"], verdict["against"]) == ("hurts", PLAIN)
    assert verdict["high"] < -0.1
