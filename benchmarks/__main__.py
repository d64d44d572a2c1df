"""``python -m benchmarks [NAME ...]``: measures, prints, and keeps what was measured."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks import machine, results
from benchmarks.measure import measure
from benchmarks.settings import Settings

NAMES = (
    "start_up",
    "frozen_features",
    "text_features",
    "fit_speed",
    "text_fit",
    "boundary_cache",
    "training_speed",
    "auto",
    "text_quality",
    "sound_quality",
    "ranking",
    "memory",
)


def main() -> None:
    """Runs the benchmarks that were named, or all of them."""
    arguments = _parser().parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        sys.exit(f"Expected names among {', '.join(NAMES)}, but got {', '.join(sorted(unknown))}.")
    folder = Path(os.environ.get("HEADSTART_TEST_DATA", "nowhere"))
    if not (folder / "ants_bees").is_dir():
        sys.exit(
            "Expected HEADSTART_TEST_DATA to name a folder that holds ants_bees/, cats_dogs/, cifar10/, flowers5/, "
            "sst2/, ag_news/, imdb/, fsdd/ and esc10/, but got "
            f"{os.environ.get('HEADSTART_TEST_DATA')!r}; set it and run this again."
        )
    settings = Settings(
        folder.resolve(),
        runs=arguments.runs,
        plain_runs=arguments.plain_runs,
        full=arguments.full,
        finetune=arguments.finetune,
    )
    facts = machine.facts()
    # A fresh process each: what one has loaded would count as the memory of the programs that the next one starts.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for name in arguments.names or NAMES:
            result = pool.submit(measure, name, settings).result()
            results.show(result)
            results.save(name, result, facts)
    print(f"Kept in {results.SUMMARY}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--runs", type=int, default=5, help="processes per figure (default 5)")
    parser.add_argument("--plain-runs", type=int, default=1, help="runs of the plain loop (default 1)")
    parser.add_argument("--full", action="store_true", help="the plain loop on cifar10 and the Trainer to their ends")
    parser.add_argument(
        "--finetune", action="store_true", help="fine-tune what is ranked, too, where the data is small"
    )
    return parser


if __name__ == "__main__":
    main()
