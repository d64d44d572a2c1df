"""What the cache holds is listed, and let go of by kind."""

import pytest

from headstart.core.errors import UsageError
from headstart.core.home import cache_home
from headstart.workflows.cache import clear_cache, show_cache


@pytest.fixture
def filled(silent_home):
    for name in ("weights/a.pth", "weights/quarantine/b.pth-1", "weights/.a.pth.lock", "models/x/card.json"):
        file = cache_home() / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"name": "toy"}')
    (cache_home() / "weights.lock.json").write_text("{}")


@pytest.mark.usefixtures("filled")
def test_weights_are_listed_with_those_in_quarantine_and_without_locks():
    contents = show_cache()
    assert [one.name for one in contents.weights] == ["a.pth", "quarantine/b.pth-1"]
    assert [model.name for model in contents.models] == ["toy"]
    assert contents.to_json()["weights"][0]["size"] == 15


@pytest.mark.usefixtures("filled")
def test_one_kind_goes_and_what_was_fetched_stays_pinned():
    assert clear_cache("weights") == 45
    assert sorted(path.name for path in cache_home().iterdir()) == ["models", "weights.lock.json"]
    assert clear_cache("all") == 15


@pytest.mark.usefixtures("filled")
def test_another_word_is_refused():
    with pytest.raises(UsageError, match="features, models, weights or all"):
        clear_cache("everything")
    assert show_cache().weights
