"""How numbers are written, the same in the report, the model card and the terminal.

>>> percent(0.948), interval(0.9012, 0.973), points(0.085)
('94.8 %', '(90.1 to 97.3)', '+8.5 points')
"""

from __future__ import annotations

from collections.abc import Mapping

from headstart.artifacts.report.record import Estimate, Metrics

UNDEFINED = "–"

#: What is said of a fit that Ctrl-C ended.
INTERRUPTED = "This is the best model until Ctrl-C ended the fit; the same command goes on from there."

#: Metrics that are shares of one; the others are plain numbers.
_SHARES = {
    *("accuracy", "balanced_accuracy", "macro_f1", "calibration_error"),
    *("entity_f1", "entity_precision", "entity_recall", "token_accuracy"),
    *("exact_match", "f1", "exact_match_answerable", "f1_answerable", "exact_match_unanswerable"),
    *("r2", "micro_f1", "subset_accuracy", "hamming_accuracy", "mean_average_precision"),
}


def percent(share: float | None) -> str:
    """A share of one as a percentage with one decimal."""
    return UNDEFINED if share is None else f"{_tenths(share)} %"


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval of shares in percent, without the sign; empty where there is none."""
    return "" if low is None or high is None else f"({_tenths(low)} to {_tenths(high)})"


def points(difference: float | None, *, signed: bool = True) -> str:
    """A difference of shares in percentage points."""
    if difference is None:
        return UNDEFINED
    text = _tenths(difference)
    return f"{'+' if signed and float(text) > 0 else ''}{text} points"


def estimate(metric: str, measured: Estimate | None) -> str:
    """A metric's value: a percentage, or a number with three decimals."""
    if measured is None or measured.value is None:
        return UNDEFINED
    return percent(measured.value) if metric in _SHARES else f"{measured.value:.3f}"


def estimate_interval(metric: str, measured: Estimate | None) -> str:
    """The 95 % interval of a metric; empty where there is none."""
    if measured is None or measured.low is None or measured.high is None:
        return ""
    if metric in _SHARES:
        return interval(measured.low, measured.high)
    return f"({measured.low:.3f} to {measured.high:.3f})"


def reached(metric: str, measured: Estimate | None) -> str:
    """A metric with its interval: ``95.5 % (84.9 to 98.7)``."""
    return f"{estimate(metric, measured)} {estimate_interval(metric, measured)}".strip()


def accuracy(measured: Estimate | None) -> str:
    """An accuracy with its interval."""
    return reached("accuracy", measured)


def duration(seconds: float | None) -> str:
    """A length of time in the two largest units that matter.

    >>> [duration(value) for value in (0.012, 0.75, 12.34, 75, 3720)]
    ['12 ms', '0.75 s', '12.3 s', '1 min 15 s', '1 h 2 min']
    """
    if seconds is None:
        return UNDEFINED
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def percent_tick(share: float) -> str:
    """A share as an axis label, with a decimal only where it needs one.

    >>> percent_tick(0.85), percent_tick(0.125)
    ('85 %', '12.5 %')
    """
    return f"{round(100 * share, 1):g} %"


def split_counts(splits: Mapping[str, int]) -> str:
    """How many items each split has: ``100 train, 76 validation, 44 test``."""
    return ", ".join(f"{count:,} {split}" for split, count in splits.items())


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A count and its noun: ``1 item``, ``1,234 items``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def tuning(metrics: Metrics) -> str:
    """What tuning came to, in a line: what was chosen, and how it does against the probe; empty without tuning."""
    decision = metrics.decision
    if decision is None:
        return ""
    probe = metrics.probe.leading("validation") if metrics.probe else None
    chosen, over_probe = decision.chosen_step, decision.over_probe
    if chosen is None:
        best = _best_step(metrics, None if probe is None else probe.value)
        return f"{decision.chosen} chosen: {estimate('accuracy', probe)} on validation; {best}"
    against = f"{percent(chosen.validation_accuracy)} on validation against the probe's {estimate('accuracy', probe)}"
    gain = (
        f"; {points(over_probe.difference)} on test {interval(over_probe.low, over_probe.high)}" if over_probe else ""
    )
    return f"{chosen.name} chosen: {against}{gain}"


def _best_step(metrics: Metrics, probe: float | None) -> str:
    """What the best step of a plan reached that did not beat the probe, and whether it lost by its loss."""
    steps = metrics.decision.steps if metrics.decision else ()
    reached = [(step.validation_accuracy, step.name) for step in steps if step.validation_accuracy is not None]
    if not reached:
        return "no step was finished"
    best, name = max(reached)
    loss = ", at no lower loss" if probe is not None and best >= probe else ""
    return f"the best step, {name}, reached {percent(best)}{loss}"


def size(count: int) -> str:
    """A number of bytes in the largest unit that matters.

    >>> [size(count) for count in (999, 48_200_000, 3_000_000_000)]
    ['999 B', '48 MB', '3.0 GB']
    """
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if (amount := count / 1000**power) >= 1:
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return f"{count} B"


def sentence(text: str) -> str:
    """``text`` with a full stop at its end, if it has none.

    >>> sentence("The budget was used up"), sentence("It won."), sentence("")
    ('The budget was used up.', 'It won.', '')
    """
    plain = text.strip()
    return plain if plain[-1:] in {"", ".", "!", "?"} else f"{plain}."


def metric_title(metric: str) -> str:
    """A metric's name as people write it: ``macro_f1`` is ``macro F1``."""
    return metric.replace("_", " ").replace("f1", "F1").replace("r2", "R²")


def printable(text: str) -> str:
    """``text`` with every character replaced that could steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _tenths(share: float) -> str:
    """A share in percent with one decimal, and no negative zero."""
    return f"{round(100 * share, 1) + 0.0:.1f}"
