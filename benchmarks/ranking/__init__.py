"""Which score orders backbones as their probes do: every score and the trivial rankers against measured accuracy."""

from benchmarks.ranking.table import measure as measure
