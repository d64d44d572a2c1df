import pytest

from headstart.evaluation.candidates import Candidate, Status
from headstart.workflows.judgement import no_network

PLAIN = Candidate("raw pixels", "plain", "baseline")


def network(status: Status) -> Candidate:
    return Candidate("small", "scratch", "baseline", status)


@pytest.mark.parametrize(
    ("statuses", "advice"),
    [([], "Leave out --no-scratch"), (["not run", "not converged"], "Raise --baseline-budget")],
)
def test_where_no_network_converged_it_is_said_what_to_do(statuses: list[Status], advice: str) -> None:
    (said,) = no_network([PLAIN, *map(network, statuses)], PLAIN)
    assert said.startswith("No network trained without the pretraining could be compared with")
    assert said.endswith(f"stronger than raw pixels. {advice} to find out.")


def test_one_network_that_converged_is_enough() -> None:
    assert no_network([PLAIN, network("not run"), network("ok")], PLAIN) == []
