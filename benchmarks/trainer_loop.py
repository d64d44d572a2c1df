"""The comparison: fine-tuning a text classifier as transformers' documentation does it, with Trainer's own defaults.

The same weights as headstart's default for texts, all of them trained under a new head: 3 epochs of AdamW at 5e-5,
linear decay, batches of 8 that are filled up to their longest text, float32 on the CPU. Nothing is saved or reported.

Prints one JSON object: seconds of loading, training and testing, steps, and the class predicted for every test text.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")  # read when the libraries are imported

from torch.utils.data import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from benchmarks.sentence_encoder import model_folder, read_table

EPOCHS = 3


class Texts(Dataset[dict[str, Any]]):
    """Tokenised texts with the number of their class."""

    def __init__(self, rows: list[tuple[str, str]], tokenizer: Any, classes: list[str]) -> None:
        self._tokens = tokenizer([text for text, _ in rows], truncation=True)["input_ids"]
        self._labels = [classes.index(label) for _, label in rows]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"input_ids": self._tokens[place], "labels": self._labels[place]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--steps", type=int, default=-1, help="stop after so many, and test nothing")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    rows = read_table(arguments.train)
    classes = sorted({label for _, label in rows})
    tokenizer = AutoTokenizer.from_pretrained(model_folder())
    model = AutoModelForSequenceClassification.from_pretrained(model_folder(), num_labels=len(classes))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                folder,
                num_train_epochs=EPOCHS,
                max_steps=arguments.steps,
                use_cpu=True,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                logging_strategy="no",
            ),
            train_dataset=Texts(rows, tokenizer, classes),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.remove_callback(PrinterCallback)  # it would print among the JSON
        loaded = time.perf_counter()
        trainer.train()
        trained = time.perf_counter()
        tested = Texts(read_table(arguments.test), tokenizer, classes) if arguments.steps < 0 else None
        guesses = trainer.predict(tested).predictions.argmax(axis=1) if tested else []
    print(
        json.dumps(
            {
                "loading": loaded - begun,
                "training": trained - loaded,
                "testing": time.perf_counter() - trained,
                "steps": trainer.state.global_step,
                "predictions": [classes[guess] for guess in guesses],
            }
        )
    )


if __name__ == "__main__":
    main()
