"""Options and sizes of the pipeline benchmark."""

from dataclasses import dataclass, replace
from pathlib import Path

#: Batch sizes to try for each baseline.
BASELINES: dict[str, tuple[int, ...]] = {
    "confluent_loop": (1000, 2000, 5000),
    "quix": (500, 2000, 10_000),
    "plain_faust": (100, 500, 2000),
}
#: Transactions per second at which latency is measured.
LATENCY_RATES = (2_000, 10_000)
#: Transactions of the soak run.
SOAK_EVENTS = 2_000_000
#: Transactions sent before anything is measured: the broker is three times as fast once the JIT has compiled it.
WARM_UP_EVENTS = 600_000
#: Transactions with which each batch size is tried.
TRIAL_EVENTS = 50_000
#: Transactions with which memory, start and stop are measured.
FOOTPRINT_EVENTS = 200_000
#: Transactions that replace each of these numbers in a quick run.
QUICK_EVENTS = 20_000


@dataclass(frozen=True)
class BenchmarkOptions:
    """What to measure, and for how long.

    Attributes:
        runs: Runs of each program; the report gives the median.
        run_s: Approximate seconds of a run: each program gets as many transactions as it can decide in that time.
        quick: One short run with one batch size each, to check that everything works.
        baselines: Baselines to measure, keys of `BASELINES`.
        latency: Whether to measure latency, including latency around a change of champion.
        latency_s: Seconds at each rate.
        shadows: Whether to measure the cost of each further challenger.
        drift: Whether to measure the cost of drift counting.
        soak: Whether to send two million transactions to measure memory growth.
        var: Directory of data and models; what is missing is fetched and trained into it.
    """

    runs: int = 5
    run_s: float = 20.0
    quick: bool = False
    baselines: tuple[str, ...] = tuple(BASELINES)
    latency: bool = True
    latency_s: float = 60.0
    soak: bool = False
    shadows: bool = True
    drift: bool = True
    var: Path = Path("var")

    @property
    def effective(self) -> "BenchmarkOptions":
        """These options with `quick` applied."""
        if not self.quick:
            return self
        return replace(self, runs=1, run_s=1.0, latency_s=5.0)

    def event_count(self, full: int) -> int:
        """Return the number of transactions to send: `full`, or `QUICK_EVENTS` in a quick run."""
        return QUICK_EVENTS if self.quick else full
