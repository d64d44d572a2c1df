"""The plain baseline on a small canonical form of the items: logistic regression, chosen as the probe's is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.data.modality import PlainModel, PlainProblem
from headstart.features.rows import ArrayRows, SelectableRows
from headstart.transfer.probe import fit_probe

#: Leading principal axes of the forms that are used; for pictures they hold all but a percent or so.
AXES = 256


@dataclass(frozen=True)
class DensePlainModel:
    """Fits logistic regression on the small canonical forms.

    Attributes:
        name: What they are, ``"raw pixels"``.
        standardised: Whether each value is first given mean 0 and variance 1 over the training items, as values of
            different units have to be.
    """

    name: str
    standardised: bool = False

    def __call__(self, problem: PlainProblem) -> PlainModel:
        """The model, its strength chosen on training items alone."""
        rows = self._rows(problem)
        probe = fit_probe(
            rows.select(problem.train),
            problem.labels[problem.train],
            classes=problem.classes,
            groups=problem.groups,
            seed=problem.seed,
            most_axes=AXES,
        )

        def probabilities(places: NDArray[np.intp]) -> NDArray[np.float64]:
            return probe.head.probabilities(rows.select(places))

        detail = f"logistic regression, strength {probe.strength:.3g}"
        return PlainModel(self.name, detail, probe.converged, probabilities)

    def _rows(self, problem: PlainProblem) -> SelectableRows:
        if not self.standardised:
            forms_as_they_are: SelectableRows = problem.forms
            return forms_as_they_are
        forms = np.concatenate([chunk for _, chunk in problem.forms.chunks(8192)])
        mean, deviation = forms[problem.train].mean(axis=0), forms[problem.train].std(axis=0)
        return ArrayRows((forms - mean) / np.maximum(deviation, 1e-6))
