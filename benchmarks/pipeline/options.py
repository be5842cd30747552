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
#: Number of transactions in the soak run.
SOAK_EVENTS = 2_000_000
#: Number of transactions sent before anything is measured, to warm up the broker: JIT compilation makes it three
#: times as fast.
WARM_UP_EVENTS = 600_000
#: Number of transactions with which each batch size is tried.
TRIAL_EVENTS = 50_000
#: Number of transactions with which memory, start time and stop time are measured.
FOOTPRINT_EVENTS = 200_000
#: Number of transactions that replaces each of the numbers above in a quick run.
QUICK_EVENTS = 20_000


@dataclass(frozen=True)
class BenchmarkOptions:
    """What to measure, and for how long.

    Attributes:
        runs: Number of runs of each program; the report gives the median.
        run_s: Approximate duration of a run in seconds; each program gets as many transactions as it can decide in this
            time.
        quick: Whether to run each program once, briefly and with one batch size, to check that everything works.
        baselines: Names of the baselines to measure, keys of `BASELINES`.
        latency: Whether to measure latency, including latency around a change of champion.
        latency_s: Duration of the measurement at each rate, in seconds.
        shadows: Whether to measure the cost of each additional challenger.
        drift: Whether to measure the cost of drift counting.
        soak: Whether to send two million transactions to measure memory growth.
        var: Directory of data and models; missing data is fetched and missing models are trained there.
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
        """Options after `quick` has been applied."""
        if not self.quick:
            return self
        return replace(self, runs=1, run_s=1.0, latency_s=5.0)

    def event_count(self, full: int) -> int:
        """Return the number of transactions to send: `full`, or `QUICK_EVENTS` in a quick run."""
        return QUICK_EVENTS if self.quick else full
