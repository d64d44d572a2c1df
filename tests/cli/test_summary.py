"""The summary on the terminal: the same facts in plain lines and in colour."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from headstart.cli.summary import summary_lines, summary_renderable
from headstart.core.errors import RunFolderError

EXAMPLES = Path(__file__).parents[1] / "artifacts" / "example_runs"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir())


@pytest.fixture(params=NAMES)
def metrics(request: pytest.FixtureRequest) -> dict:
    return json.loads((EXAMPLES / request.param / "metrics.json").read_text())


def drawn(metrics: dict, *, width: int = 80, colour: bool = False) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=colour, color_system="standard" if colour else None).print(
        summary_renderable(metrics)
    )
    return stream.getvalue()


def squeezed(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def expected(metrics: dict) -> list[str]:
    accuracy = metrics["test"]["accuracy"]
    return [
        metrics["verdict"]["sentence"],
        metrics["backbone"],
        metrics["run"],
        metrics["report"],
        *(f"{count:,} {split}" for split, count in metrics["splits"].items()),
        f"{100 * accuracy['value']:.1f} % ({100 * accuracy['low']:.1f} to {100 * accuracy['high']:.1f})",
        *metrics["verdict"]["warnings"],
    ]


def test_plain_lines_hold_every_fact(metrics: dict) -> None:
    said = squeezed("\n".join(summary_lines(metrics)))
    assert [fact for fact in expected(metrics) if fact not in said] == []
    steps = {step["name"] for step in metrics.get("decision", {}).get("steps", ())}
    named = [entry["name"] for entry in metrics["candidates"] if entry["name"] not in steps]
    assert [name for name in named if name not in said] == []


@pytest.mark.parametrize(
    ("name", "read"), [("ants_bees", "220 photos"), ("tool_notes", "520 texts"), ("spoon", "360 recordings")]
)
def test_examples_are_called_what_they_are(name: str, read: str) -> None:
    metrics = json.loads((EXAMPLES / name / "metrics.json").read_text())
    for said in ("\n".join(summary_lines(metrics)), drawn(metrics)):
        assert read in said
    assert f"{metrics['excluded']} {metrics['item_word']}" in squeezed(drawn(metrics))


def test_the_terminal_holds_every_fact(metrics: dict) -> None:
    said = squeezed(drawn(metrics, width=100))
    assert [fact for fact in expected(metrics) if fact not in said] == []


@pytest.mark.parametrize("width", [50, 80, 120])
def test_nothing_is_wider_than_the_terminal(metrics: dict, width: int) -> None:
    assert max(map(len, summary_lines(metrics, width=width))) <= width
    assert max(map(len, drawn(metrics, width=width).splitlines())) <= width


def test_plain_lines_have_neither_colour_nor_boxes(metrics: dict) -> None:
    said = "".join(summary_lines(metrics))
    assert all(character.isprintable() for character in said)
    assert not any("\u2500" <= character <= "\u257f" for character in said)


@pytest.mark.parametrize(("name", "code"), [("ants_bees", "32"), ("digits", "31"), ("hedgerow", "33")])
def test_the_verdict_has_the_colour_of_its_outcome(name: str, code: str) -> None:
    metrics = json.loads((EXAMPLES / name / "metrics.json").read_text())
    assert f"\x1b[1;{code}m{metrics['verdict']['sentence'][:20]}" in drawn(metrics, colour=True)


def test_an_unfinished_candidate_says_why() -> None:
    metrics = json.loads((EXAMPLES / "ants_bees" / "metrics.json").read_text())
    assert "not converged: validation accuracy still rose" in squeezed("\n".join(summary_lines(metrics)))


def tuned() -> dict:
    return json.loads((EXAMPLES / "house_numbers" / "metrics.json").read_text())


@pytest.mark.parametrize(
    "say", [lambda metrics: "\n".join(summary_lines(metrics)), lambda metrics: drawn(metrics, width=100)]
)
def test_of_a_long_plan_the_best_steps_are_listed_and_the_others_counted(say) -> None:
    said = squeezed(say(tuned()))
    listed = said[: said.index("Tuning")]
    assert "and 3 more steps in the report" in listed
    shown = [step["name"] for step in tuned()["decision"]["steps"] if step["name"] in listed]
    assert shown == ["blocks.5 at 0.001", "blocks.3 at 0.001", "blocks.3 at 0.003"]
    assert all(name in listed for name in ("linear probe", "raw pixels", "small network"))


@pytest.mark.parametrize(
    "say", [lambda metrics: "\n".join(summary_lines(metrics)), lambda metrics: drawn(metrics, width=100)]
)
def test_tuning_and_interruption_are_told_where_there_were_any(say) -> None:
    said = squeezed(say(tuned()))
    assert (
        "Tuning blocks.3 at 0.001 chosen: 78.5 % on validation against the probe's 73.5 %; "
        "+5.1 points on test (1.8 to 8.4)"
    ) in said
    assert "Interrupted This is the best model until Ctrl-C ended the fit" in said
    plain = json.loads((EXAMPLES / "digits" / "metrics.json").read_text())
    assert "Tuning" not in say(plain) and "Interrupted" not in say(plain)


def test_a_short_plan_is_listed_whole_and_the_chosen_step_always() -> None:
    metrics = tuned()
    metrics["candidates"] = metrics["candidates"][:6]
    said = "\n".join(summary_lines(metrics))
    assert "more steps" not in said and said.count("Validation ") == 6
    metrics = tuned()
    metrics["decision"]["chosen"] = "blocks.6 at 0.000333"
    listed = "\n".join(summary_lines(metrics)).split("Tuning")[0]
    assert "blocks.6 at 0.000333" in listed and "blocks.3 at 0.003" not in listed


def test_names_cannot_steer_the_terminal() -> None:
    metrics = json.loads((EXAMPLES / "ants_bees" / "metrics.json").read_text())
    metrics["data"]["name"] = "[red]x[/red]\x1b]0;owned\x07\x1b[2J"
    for said in ("\n".join(summary_lines(metrics)), drawn(metrics)):
        assert "[red]x[/red]" in said and "\x1b" not in said and "\x07" not in said


def test_metrics_that_lack_something_are_refused(metrics: dict) -> None:
    with pytest.raises(RunFolderError, match="verdict is missing"):
        summary_lines({key: value for key, value in metrics.items() if key != "verdict"})


def test_plain_lines_need_no_rich() -> None:
    code = "import sys; import headstart.cli.summary; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "rich" not in done.stdout.split()
