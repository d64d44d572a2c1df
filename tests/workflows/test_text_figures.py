"""What the offline default reaches on real texts with a head on frozen features, and who wins."""

import pytest

import headstart

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def probed(real_data, shared_cache, tmp_path_factory):
    """Fits a data set once."""
    runs = {}

    def fit(name):
        if name not in runs:
            out = tmp_path_factory.mktemp("runs") / name
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("HEADSTART_CACHE", str(shared_cache))
                runs[name] = headstart.fit(real_data / name, out=out, strategy="probe", scratch=False)
        return runs[name]

    return fit


@pytest.mark.parametrize(("name", "least"), [("sst2", 0.80), ("ag_news", 0.88), ("imdb", 0.76)])
def test_a_probe_reaches_what_a_trial_did(probed, name, least):
    run = probed(name)
    assert run.metrics["backbone"] == "bundled:minilm-l6"
    assert run.metrics["test"]["accuracy"]["value"] >= least


def test_where_tfidf_wins_the_verdict_says_so(probed):
    """Long reviews name what they think of a film: words alone tell more than a mean of frozen vectors."""
    verdict = probed("imdb").metrics["verdict"]
    assert verdict["against"] == "TF-IDF"
    assert verdict["difference"] < 0
    assert verdict["outcome"] != "transfer helps"
    assert "TF-IDF" in verdict["sentence"]
