"""Everything that a drill needs: a broker, the programs with data of their own, and traffic that is counted."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from sqlite3 import connect
from typing import NamedTuple, Self

import numpy as np
from confluent_kafka import KafkaError, Message, Producer
from numpy.typing import NDArray

from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.programs import STOP_S
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from schemas.messages import Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.clients import producer_config
from stream.kafka.load_generator import send_transactions
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.program_process import ProgramProcess, program_command, program_environment, stream_program
from stream.models.bundle_store import BundleStore
from stream.runtime.ports import free_port
from stream.settings import Settings

#: Transactions per second while something is lost.
RATE = 500
#: More transactions than a drill sends; they are made when they are sent.
MAX_TRANSACTIONS = 10_000_000
#: Seconds that a command or a condition may take.
TIMEOUT_S = 120.0
#: Seconds to wait before a condition is checked again.
CHECK_S = 0.02


class SteadyTraffic(NamedTuple):
    """Transactions sent at the steady rate, and when each was sent and decided, in `time.monotonic_ns()`."""

    sent_ns: NDArray[np.int64]
    decided_ns: NDArray[np.int64]

    def longest_wait_s(self, since_ns: int) -> float:
        """Return the longest time from sending to the committed decision, of transactions sent after a moment."""
        after = self.sent_ns >= since_ns
        return float((self.decided_ns[after] - self.sent_ns[after]).max() / 1e9)


class BrokerLoss(NamedTuple):
    """What clients knew when the broker was lost.

    Attributes:
        lost_ns: Moment of the loss, `time.monotonic_ns()`.
        acknowledged: Number of transactions that the broker had acknowledged.
        decided: Number of committed decisions that a reader had received.
    """

    lost_ns: int
    acknowledged: int
    decided: int


class Site:
    """A broker with topics and roles, a ledger database and a bundle store, all in a temporary directory.

    Args:
        inputs: Transactions and bundles.

    Attributes:
        broker: The broker, whose data is below `directory`.
        settings: Settings of all programs.
        ledger_file: The ledger's SQLite database.
        bundles: The bundle store.
        sent: Number of transactions sent so far, which is also the id of the next one.
    """

    def __init__(self, inputs: BenchmarkInputs) -> None:
        self._inputs = inputs
        self._messages = NumberedTransactions(inputs.transactions, MAX_TRANSACTIONS)
        self.sent = 0
        self._opened = ExitStack()
        self.directory = Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix="fraud-disaster-")))
        self.ledger_file = self.directory / "ledger.db"
        self.bundles = self.directory / "bundles"
        self.broker = LocalBroker(self.directory / "kafka")
        self.settings = Settings().replace(
            kafka_bootstrap=self.broker.bootstrap,
            ledger_url=f"sqlite:///{self.ledger_file}",
            bundle_store=str(self.bundles),
            web_port=free_port(),
            ledger_web_port=free_port(),
        )

    def __enter__(self) -> Self:
        self._opened.enter_context(self.broker)
        create_topics(self.settings.kafka, self.settings.topic)
        champion, challenger = self._inputs.champion, self._inputs.challengers[0]
        for ref in (champion, challenger):
            BundleStore(str(self.bundles)).put(self._inputs.bundles[ref.sha256], ref.path)
        publish_roles(
            self.settings.kafka,
            self.settings.topic,
            champion=champion,
            challengers=(Challenger(challenger),),
            author="drill",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def start(self, name: str, slot: str = "0", *, wait: bool = True) -> ProgramProcess:
        """Start a program that ends with the site at the latest, and wait until it is ready.

        Args:
            name: Command of `fraud-stream`: worker or ledger.
            slot: Slot of a worker. Workers with other slots than 0 get ports of their own.
            wait: Whether to wait.
        """
        port = self.settings.web.port if slot == "0" else free_port()
        settings = self.settings.replace(kafka_slot=slot, web_port=port)
        program = stream_program(name, settings, self.directory / f"{name}-{slot}.log", stop_s=STOP_S)
        self._opened.enter_context(program)
        if wait:
            program.wait_ready()
        return program

    def run(self, *arguments: str) -> float:
        """Run `fraud-stream` as an operator would, and return the seconds that it took."""
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own program
            program_command(*arguments),
            env=program_environment(self.settings),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise FraudError(f"fraud-stream {' '.join(arguments)} failed: {done.stderr.strip()}; see the drill's code")
        return time.monotonic() - began

    def send_and_decide(self, count: int) -> None:
        """Send transactions at full speed and wait until each is decided."""
        with self._traffic(count, None) as finish:
            finish()

    @contextmanager
    def traffic(self, seconds: float) -> Iterator[Callable[[], SteadyTraffic]]:
        """Send transactions at the steady rate in the background, for a number of seconds.

        Yields:
            A function that waits until all are sent and decided, each exactly once, and returns the times.
        """
        with self._traffic(round(RATE * seconds), RATE) as finish:
            yield finish

    @contextmanager
    def _traffic(self, count: int, rate: float | None) -> Iterator[Callable[[], SteadyTraffic]]:
        first = self.sent
        messages = self._messages.part(first, first + count)
        times: list[NDArray[np.int64]] = []

        def send() -> None:
            topic = self.settings.topic.transactions
            times.append(send_transactions(self.settings.kafka, topic, messages, rate, on_sent))

        def on_sent(number: int) -> None:
            self.sent = first + number

        with DecisionReader(self.settings, count, index_of=lambda name: int(name) - first) as reader:
            sender = threading.Thread(target=send, name="traffic", daemon=True)
            sender.start()

            def finish() -> SteadyTraffic:
                sender.join()
                if not times or not reader.wait_for_all(TIMEOUT_S) or (reader.decision_counts != 1).any():
                    raise FraudError("a transaction was not decided exactly once; see the drill's code")
                return SteadyTraffic(times[0], reader.arrived_ns)

            yield finish

    def lose_broker(self, seconds: float) -> BrokerLoss:
        """Send transactions at the steady rate, then kill the broker and delete its data."""
        acknowledged: list[int] = []

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is None:
                acknowledged.append(1)

        producer = Producer(producer_config(self.settings.kafka) | {"linger.ms": 0})
        first, count = self.sent, round(RATE * seconds)
        with DecisionReader(self.settings, count, index_of=lambda name: int(name) - first) as reader:
            for key, value in self._messages.part(first, first + count):
                producer.produce(self.settings.topic.transactions, value, key, on_delivery=on_delivery)
                producer.poll(1 / RATE)
                self.sent += 1
            lost_ns = time.monotonic_ns()
            self.broker.kill()
            shutil.rmtree(self.directory / "kafka" / "data")
            producer.poll(1)  # what has arrived already
            producer.purge()
            return BrokerLoss(lost_ns, len(acknowledged), reader.settled)

    def ledger_decisions(self) -> tuple[int, int]:
        """Return the number of decisions in the ledger, and how many messages about them were repeats."""
        with closing(connect(self.ledger_file)) as database:
            count, repeats = database.execute("SELECT count(*), coalesce(sum(repeats), 0) FROM decisions").fetchone()
        return int(count), int(repeats)

    def forget_offsets(self) -> None:
        """Delete the ledger's offsets: after the loss of the topics they point to messages that no longer exist."""
        with closing(connect(self.ledger_file)) as database:
            database.execute("DELETE FROM offsets")
            database.commit()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds.

    Raises:
        FraudError: If it does not hold within `TIMEOUT_S` seconds.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise FraudError(f"{what}: not within {TIMEOUT_S:g} s; see the drill's code")
        time.sleep(CHECK_S)
