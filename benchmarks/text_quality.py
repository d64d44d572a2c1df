"""How good the offline default for texts is, beside what knows nothing of its pretraining."""

from __future__ import annotations

from benchmarks.quality import Case, measure_cases
from benchmarks.results import Result
from benchmarks.settings import Settings


def measure(settings: Settings) -> Result:
    """Test accuracy on sentences, headlines with their first lines, and reviews."""
    data = settings.data
    cases = (
        Case("sst2", [data / "sst2"], budget="10m"),
        Case("ag_news, title and description", [data / "ag_news"], ["--item-column", "2", "--second-column", "3"]),
        Case("imdb", [data / "imdb"]),
    )
    return measure_cases("Texts: the probe, its opponents, and `auto`", lambda _: cases)
