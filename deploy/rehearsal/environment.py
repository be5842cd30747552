"""The environment of a rehearsal: a broker, a load balancer and the instances of both tracks."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deploy.release.processes import Instance
from deploy.release.tracks import Program, Track
from schemas.errors import FraudError
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.program_process import ProgramProcess
from stream.runtime.ports import free_ports
from stream.settings import Settings
from training.registry.roles import TrainedRoles, publish

#: Workers of each track, and partitions of the topics: two for each worker while both tracks decide.
WORKERS, PARTITIONS = 2, 4
#: A saturated machine answers late rather than with an error: while programs start, they take CPU time from those that
#: decide, as they would not on machines of their own.
DEADLINE_MS = 5_000
_CONFIG = Path(__file__).parents[1] / "release" / "haproxy.cfg"


@dataclass(frozen=True)
class Environment:
    """Everything around the tracks."""

    settings: Settings
    instances: dict[Track, list[Instance]]
    #: URL of the load balancer, and host and port of its runtime API.
    url: str
    admin: tuple[str, int]


@contextmanager
def running_environment(roles: TrainedRoles, broker: LocalBroker, scratch: Path, logs: Path) -> Iterator[Environment]:
    """Create topics on a running broker, publish models, and run HAProxy until the context exits.

    Args:
        roles: Models to publish.
        broker: The running broker.
        scratch: Directory of ledger and archive.
        logs: Directory that receives HAProxy's log.

    Raises:
        FraudError: If HAProxy is not installed or does not start.
    """
    settings = Settings().replace(
        kafka_bootstrap=broker.bootstrap,
        bundle_store=roles.store,
        topic_partitions=PARTITIONS,
        ledger_url=f"sqlite:///{scratch / 'ledger.db'}",
        archive_url=str(scratch / "archive"),
        http_deadline_ms=DEADLINE_MS,
    )
    create_topics(settings.kafka, settings.topic)
    # No challengers: all programs of both tracks, Kafka, HAProxy and the clients share this machine.
    publish(msgspec.structs.replace(roles, challengers=()), settings, "rehearsal")
    instances = {track: _instances(track, settings) for track in Track}
    http, admin = free_ports(2)
    edges = {f"FRAUD_LB_{track.upper()}": f"127.0.0.1:{instances[track][0].settings.http.port}" for track in Track}
    variables = {**edges, "FRAUD_LB_HTTP": f"127.0.0.1:{http}", "FRAUD_LB_ADMIN": f"127.0.0.1:{admin}"}
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        raise FraudError("haproxy is not installed; install it, for example with: apt install haproxy")
    with ProgramProcess([haproxy, "-db", "-f", str(_CONFIG)], logs / "haproxy.log", os.environ | variables):
        yield Environment(settings, instances, f"http://127.0.0.1:{http}", ("127.0.0.1", admin))


def _instances(track: Track, settings: Settings) -> list[Instance]:
    edge, ledger, archive, *workers = free_ports(3 + WORKERS)
    return [
        Instance(Program.EDGE, "http", settings.replace(http_port=edge, kafka_slot=f"{track}-edge")),
        *(
            Instance(Program.WORKER, "worker", settings.replace(web_port=port, kafka_slot=f"{track}-{number}"))
            for number, port in enumerate(workers)
        ),
        Instance(Program.STORES, "ledger", settings.replace(ledger_web_port=ledger, kafka_slot=track)),
        Instance(Program.STORES, "archive", settings.replace(archive_web_port=archive, kafka_slot=track)),
    ]
