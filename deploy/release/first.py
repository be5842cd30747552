"""The first release: there is no other one yet, so nothing is compared or watched."""

from collections.abc import Sequence

from deploy.release.journal import Journal
from deploy.release.smoke import run_smoke_tests
from deploy.release.target import Target
from deploy.release.tracks import Program, Track

#: Track of the first release.
TRACK = Track.BLUE


def start_first(target: Target, transactions: Sequence[bytes], headers: dict[str, str], journal: Journal) -> None:
    """Start a release where none runs.

    Args:
        target: Where it runs.
        transactions: Transactions for the smoke tests, as JSON.
        headers: Headers for the smoke tests' requests.
        journal: Log of the release.

    Raises:
        ReleaseError: If a step failed; what had been started is stopped.
    """
    try:
        with journal.step(f"start the edge of {TRACK}"):
            target.start(TRACK, Program.EDGE)
        with journal.step(f"smoke tests on the edge of {TRACK}") as step:
            responses = run_smoke_tests(target.edge_url(TRACK), transactions, headers)
            step.detail = f"{responses} responses as expected"
        with journal.step(f"HTTP traffic goes to {TRACK}"):
            target.route(TRACK)
        with journal.step(f"start the workers of {TRACK}"):
            target.start(TRACK, Program.WORKER)
        with journal.step(f"ledger and archive of {TRACK}"):
            target.start(TRACK, Program.STORES)
    # Also after Ctrl-C, or an error of this program.
    except BaseException:
        for program in (Program.WORKER, Program.EDGE):
            with journal.step(f"stop {program} of {TRACK}"):
                target.stop(TRACK, program)
        raise
