"""How fast frozen features of texts are computed: sentence-transformers' ``encode`` against headstart's own pass."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import HEADSTART, run
from benchmarks.results import Result
from benchmarks.sentence_encoder import Encode, encoder, read_table
from benchmarks.settings import Settings

THEIRS, OURS, PROCESS = "sentence-transformers' encode", "headstart's pass", "headstart extract"


def measure(settings: Settings) -> Result:
    """Sentences per second of both, in memory and as whole processes, and how well the features agree."""
    table = settings.data / "sst2" / "test.tsv"
    texts = [text for text, _ in read_table(table)]
    with tempfile.TemporaryDirectory() as name:
        os.environ["HEADSTART_CACHE"] = str(Path(name) / "cache")
        engine, ours = admitted(table)
        theirs = encoder()
        cosines = cosine(ours(texts), theirs(texts))
        memory = take_turns({THEIRS: theirs, OURS: ours}, texts, rounds=settings.runs)
        processes = whole_processes(table, Path(name), rounds=settings.runs)
    figures = {
        "texts": len(texts),
        "engine": engine,
        "sentence_transformers": version("sentence-transformers"),
        "seconds": {"in memory": memory, "whole process": processes},
        "lowest_cosine": float(cosines.min()),
        "median_cosine": float(np.median(cosines)),
        "load": os.getloadavg()[1],
    }
    return Result(
        title="Frozen features of texts",
        method=(
            f"all-MiniLM-L6-v2 on the {len(texts):,} test sentences of sst2 on the CPU. *In memory*: strings to "
            f"features, by sentence-transformers {figures['sentence_transformers']}'s `encode` with its defaults, and "
            "by headstart's pass: tokens in threads, batches of nearly one length, the engine admitted on these data. "
            "*Whole process*: a program that reads the table, loads the model, encodes and saves one array, and "
            "`headstart extract`, features computed anew, the model converted before, which also hashes each text and "
            f"looks for near duplicates. Medians of {settings.runs} rounds in which both take turns."
        ),
        columns=["what", "sentences per second", "times faster", "cosine: least", "median"],
        rows=[*rows_of(figures)],
        figures=figures,
        notes=[f"The load of the machine over the last five minutes of the measurement was {figures['load']:.1f}."],
    )


def admitted(table: Path) -> tuple[str, Encode]:
    """The engine that headstart chooses for these data, in words, and its way from texts to features."""
    from headstart.backbones.catalog import open_backbone
    from headstart.backbones.preprocess import as_batch
    from headstart.backbones.text_preprocess import TextPreprocess, tokenise
    from headstart.core.machine import cores
    from headstart.data.modality import MODALITIES
    from headstart.features.admission import choose_path
    from headstart.features.extraction import batched, in_order, read_digests
    from headstart.features.trial import engine_trial, start_engine
    from headstart.workflows.recognised import read_items

    modality = MODALITIES["text"]
    backbone = open_backbone(modality.default_backbone)
    items, top = read_items(str(table), modality).items, backbone.card.top
    preprocess = cast(TextPreprocess, backbone.card.preprocess)
    choice = choose_path(
        items,
        read_digests(items),
        backbone=backbone,
        modality=modality,
        stages=[top.name],
        trial=engine_trial(backbone),
    )
    engine = choice.running or start_engine(choice.spec, backbone, [top.name])

    def compute(texts: Sequence[str]) -> NDArray[np.float32]:
        def tokens(places: Sequence[int]) -> list[tuple[int, NDArray[np.int32]]]:
            return [(place, tokenise(preprocess, [(texts[place],)])[0]) for place in places]

        features = np.empty((len(texts), top.dim), dtype=np.float32)
        with ThreadPoolExecutor(cores()) as pool:
            for batch in batched(in_order(pool, tokens, range(len(texts))), preprocess, length=len):
                features[[place for place, _ in batch]] = engine.compute(as_batch([row for _, row in batch]))[top.name]
        return features

    return str(choice.spec), compute


def cosine(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between both features of each text."""
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    cosines: NDArray[np.float32] = (ours * theirs).sum(axis=1) / lengths
    return cosines


def take_turns(ways: dict[str, Encode], texts: Sequence[str], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round for all texts."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, compute in ways.items():
            begun = time.perf_counter()
            compute(texts)
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def whole_processes(table: Path, folder: Path, *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round from the shell to features on disk; the converted model is in this process's cache."""
    program = [sys.executable, "-m", "benchmarks.sentence_encoder", str(table)]
    seconds: dict[str, list[float]] = {THEIRS: [], PROCESS: []}
    for turn in range(rounds):
        run([HEADSTART, "cache", "clear", "features"])
        seconds[THEIRS].append(run([*program, "--out", str(folder / f"{turn}.npy")]).seconds)
        extracted = run([HEADSTART, "extract", str(table), "--out", str(folder / f"{turn}.parquet")])
        seconds[PROCESS].append(extracted.seconds)
    return seconds


def rows_of(figures: dict[str, Any]) -> list[list[str]]:
    """The lines of the table."""
    rows = []
    agreement = [f"{figures['lowest_cosine']:.5f}", f"{figures['median_cosine']:.5f}"]
    for kind, measured in figures["seconds"].items():
        seconds = {name: statistics.median(values) for name, values in measured.items()}
        for name, median in seconds.items():
            what = f"{name}, {kind}" if name == THEIRS else f"{name}, {figures['engine']}, {kind}"
            speed, times = figures["texts"] / median, seconds[THEIRS] / median
            rows.append([what, f"{speed:.0f}", f"{times:.1f}", *(["–", "–"] if name == THEIRS else agreement)])
    return rows
