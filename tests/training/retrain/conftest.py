"""A champion, its past in ledger and archive, and what retrains it: all real, all small."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from schemas.messages import BundleRef, Label, RetrainRequest, Transaction, encode
from stream.archive.files import ArchiveFiles
from stream.archive.layout import utc_day
from stream.archive.open_file import OpenFile
from stream.control.retrain_requests import Cause, request_retraining, new_request
from stream.kafka.topics import create_topics
from stream.ledger.database import migrate, open_engine
from stream.settings import Settings
from tests.support.bundles import NUMERIC, put_bundle
from tests.support.ledger_batch import ManualClock, LedgerWriter
from tests.support.records import BASE_MS, CHAMPION, decision
from tests.training.registry.conftest import desk, mlflow, root, template  # noqa: F401 - fixtures
from training.registry.connection import MlflowConnection
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.tracking import BUNDLE_ARTIFACT, Tracker
from training.retrain.retrainer import DAY_MS, Retrainer
from training.retrain.runs import RetrainRuns
from training.study.recipe import RECIPE, Recipe, encode_recipe
from training.study.runs import StudyRuns

RECIPES = {
    "plain": Recipe("logistic-regression", {"C": 0.5, "max_iter": 200}, seed=3),
    "boosted": Recipe(
        "xgboost",
        {"trees": 12, "learning_rate": 0.3, "max_depth": 3, "tree_method": "hist"},
        seed=3,
        treatment="class_weights",
        legitimate_share=0.9,
    ),
}
#: Of each history: transactions, and the share of frauds among them.
ROWS, FRAUDS = 1300, 0.18


@dataclass
class Past:
    """What a champion has decided and what became of it, in a ledger and in an archive."""

    settings: Settings
    engine: Engine
    champion_sha256: str
    _writers: dict[str, LedgerWriter] = field(default_factory=dict)

    def live(self, *, rows: int = ROWS, frauds: float = FRAUDS, archived: bool = True) -> list[Transaction[Any]]:
        """Let a history pass: decided, labelled, archived, and matured."""
        random = np.random.default_rng(1)
        fraud = random.random(rows) < frauds
        values = random.normal(size=(rows, len(NUMERIC))) + 1.5 * fraud[:, np.newaxis]
        sent = [
            Transaction(
                f"t{n}",
                f"card-{n % 300}",
                BASE_MS + n * 1000,
                int(1000 + random.integers(5000)),
                "EUR",
                dict(zip(NUMERIC, values[n].tolist(), strict=True)),
            )
            for n in range(rows)
        ]
        self.decide(sent)
        self.say(
            [
                Label(f"l{n}", f"t{n}", "chargeback", fraud=True, event_time_ms=BASE_MS + n * 1000 + DAY_MS // 2)
                for n in np.flatnonzero(fraud).tolist()
            ]
        )
        if archived:
            self.keep(list(enumerate(sent)))
        self.mature()
        return sent

    def decide(self, sent: list[Transaction[Any]], first: int = 0, **changes: Any) -> None:
        """Have the champion decide transactions that stand in partition 0 from an offset on."""
        common = {
            "bundle_sha256": self.champion_sha256,
            "verdict": "approve",
            "source_topic": self.settings.topic.transactions,
        }
        made = [
            decision(
                first + n,
                **(
                    {
                        "transaction_id": each.transaction_id,
                        "event_time_ms": each.event_time_ms,
                        "source_partition": 0,
                        "source_offset": first + n,
                    }
                    | common
                    | changes
                ),
            )
            for n, each in enumerate(sent)
        ]
        self.write("decisions", made)

    def say(self, labels: list[Label]) -> None:
        """Have labels come."""
        self.write("labels", labels)

    def keep(self, placed: list[tuple[int, Transaction[Any] | bytes]]) -> None:
        """Archive transactions at their offsets of partition 0."""
        file = OpenFile("transactions", 0, placed[0][0], utc_day(BASE_MS))
        for offset, each in placed:
            file.add(offset, BASE_MS, b"card", each if isinstance(each, bytes) else encode(each))
        ArchiveFiles(self.settings.archive.url).put("transactions", file.name, file.close())

    def mature(self) -> None:
        """Let days pass until everything so far has matured."""
        later = BASE_MS + 10 * DAY_MS
        self.write("decisions", [decision(10**6, event_time_ms=later, bundle_sha256=self.champion_sha256)])

    def write(self, kind: str, messages: list[Any]) -> None:
        """Have the ledger read messages."""
        if kind not in self._writers:  # a second one would fence the first
            clock = ManualClock(BASE_MS + 20 * DAY_MS)
            self._writers[kind] = LedgerWriter(self.engine, kind, settings=self.settings, clock=clock)
        self._writers[kind].write(messages)


@dataclass
class Place:
    """Where one champion is retrained."""

    settings: Settings
    promoter: Promoter
    mlflow: MlflowConnection
    champion: BundleRef
    past: Past

    @property
    def retrainer(self) -> Retrainer:
        """What works requests here, as a new process has it."""
        return Retrainer(
            self.promoter, RetrainRuns(self.mlflow), StudyRuns(self.mlflow), self.past.engine, self.settings
        )

    def ask(self, cause: Cause = "drift", champion: str = "") -> RetrainRequest:
        """Ask for a new model, as the stream does."""
        request = new_request(cause, champion or self.champion.sha256, "PSI of V1 is 0.4", author="worker 0")
        assert request_retraining(self.settings, request).written
        return request


def places_under(folder: Path) -> dict[str, Any]:
    """Settings of a ledger and an archive of the test's own."""
    return {
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "archive_url": f"file://{folder}/archive",
        "gate_maturity_days": 2,
        "watermark_lateness_s": 0.0,
    }


def open_past(settings: Settings, champion_sha256: str) -> Past:
    """Make both, with nothing in them."""
    engine = open_engine(settings.ledger.url)
    migrate(engine)
    ArchiveFiles(settings.archive.url).create()
    return Past(settings, engine, champion_sha256)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """A past without a stream: neither Kafka nor MLflow."""
    return open_past(Settings().replace(**places_under(tmp_path)), CHAMPION)


MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(
    make_settings: Callable[..., Settings],
    root: Path,  # noqa: F811 - the fixture
    mlflow: MlflowConnection,  # noqa: F811 - likewise
    desk: Promoter,  # noqa: F811 - likewise
    tmp_path: Path,
) -> MakePlace:
    """Factory: a champion of a recipe, which drift may be judged by, with an empty past."""

    def make(recipe: str | None = "plain", *, reference: bool = False, **settings: Any) -> Place:
        own = {"retrain_min_frauds": 200}
        told = make_settings(**places_under(tmp_path), **(own | settings))
        create_topics(told.kafka, told.topic)
        promoter = replace(desk, kafka=told)
        tags = {RECIPE: encode_recipe(RECIPES[recipe])} if recipe else {}
        with Tracker(root, "study").run("champion", tags) as run:
            ref = put_bundle(tmp_path / "made", reference=reference)
            run.log_files(tmp_path / "made" / ref.path, BUNDLE_ARTIFACT)
        version = register(run.run_id, promoter.registry, promoter.runs, promoter.store)
        promoter.promote(version.number, who="ann", why="the first")
        return Place(told, promoter, mlflow, version.bundle, open_past(told, version.bundle.sha256))

    return make
