"""Small tagged sentences and questions, and a small backbone with random weights that reads them."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.backbones.small_texts import save
from transformers import BertConfig, BertModel

from headstart.core.run_folder import RunFolder
from headstart.training.plan import PhaseCost
from headstart.transfer.tuning_plan import BoundaryCost
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.token_tasks.examples import TokenExamples, Windows
from headstart.workflows.token_tasks.fit import fit_problem


def even_costs(examples: TokenExamples, windows: Windows, *, device: str) -> list[BoundaryCost]:
    """A millisecond per window for the whole backbone, shared evenly among its stages."""
    names = [stage.name for stage in examples.backbone.card.stages[:-1]]
    shares = {name: place / len(names) for place, name in enumerate(names)}
    found = [BoundaryCost(name, shares[name], 1e-4, 1e-3 * (1 - shares[name]), 4096) for name in reversed(names[1:])]
    return [*found, BoundaryCost("bottom", 0.0, 1e-4, 1e-3, 0)]


@pytest.fixture(autouse=True)
def fixed_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is planned does not depend on how busy the machine is."""
    monkeypatch.setattr("headstart.workflows.token_tasks.trainings.boundary_costs", even_costs)
    cost = PhaseCost("float32", 0.01, 0.01, threads=1)
    monkeypatch.setattr("headstart.transfer.task_training.measure_cost", lambda *given, **named: cost)


def nobody(folder: Path) -> None:
    """No report: these tests are about what is in it."""


@pytest.fixture(scope="session")
def small_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a small model of BERT's family, in which every token still knows which word it was."""
    torch.manual_seed(0)
    config = BertConfig(vocab_size=90, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48)
    return save(BertModel(config).eval(), tmp_path_factory.mktemp("small") / "bert")


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words below w10 are people, and those below w20 that follow them belong to them."""
    folder, chance = tmp_path_factory.mktemp("data") / "people", random.Random(0)
    folder.mkdir()
    for split, count in (("train", 120), ("dev", 40), ("test", 40)):
        lines = []
        for _ in range(count):
            inside = False
            for number in (chance.randrange(40) for _ in range(chance.randint(3, 12))):
                tag = "B-person" if number < 10 else "I-person" if inside and number < 20 else "O"
                inside = tag != "O"
                lines.append(f"w{number}\t{tag}")
            lines.append("")
        (folder / f"{split}.conll").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is asked for is the word behind the one in the question; some texts do not hold it."""
    folder, chance = tmp_path_factory.mktemp("data"), random.Random(1)
    articles = []
    for article in range(20):
        context = " ".join(f"w{number}" for number in chance.sample(range(80), 30))
        words, asked = context.split(), []
        for number in range(6):
            place = chance.randrange(len(words) - 1)
            start = len(" ".join(words[: place + 1])) + 1
            answer = {"answer_start": start, "text": words[place + 1]}
            asked.append({"id": f"{article}.{number}", "question": words[place], "answers": [answer]})
        asked.append({"id": f"{article}.none", "question": "w99", "answers": [], "is_impossible": True})
        articles.append({"title": f"article {article}", "paragraphs": [{"context": context, "qas": asked}]})
    (folder / "questions.json").write_text(json.dumps({"version": "2.0", "data": articles}))
    return folder / "questions.json"


def run_of(task: str, data: Path, backbone: Path, out: Path, **options: Any) -> RunFolder:
    """A fit that takes seconds."""
    chosen = {"strategy": "probe", "scratch": False, "budget": 20.0, "baseline_budget": 6.0, **options}
    return fit_problem(
        task,
        DataOptions(str(data), modality="text"),
        BackboneOptions(f"hf:{backbone}", device="cpu", allow_licenses=("unknown",)),
        FitOptions(out=out, **chosen),
        decorate=nobody,
    )
