"""Handle retraining requests one by one: each leads to a challenger in shadow mode or is declined with a reason.

Each step leaves a trace for the next process, which resumes handling where an earlier process was killed:

| killed during               | the next process finds          | and                                           |
|-----------------------------|---------------------------------|-----------------------------------------------|
| gathering, training or      | the request's run, not ended    | begins it again, at most three times          |
| validation                  |                                 |                                               |
| registration                | the run ended, no version       | registers it                                  |
| the change of roles         | a version that never had a role | makes it a challenger                         |
| the answer on the topic     | a version that had a role       | answers; a challenger removed meanwhile stays |
|                             |                                 | removed                                       |
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from schemas.errors import (
    ArchiveError,
    BundleError,
    DataError,
    FraudError,
    KafkaError,
    LedgerError,
    QualityError,
    RegistryError,
    StoreUnavailableError,
    StudyError,
)
from schemas.manifest import Manifest
from schemas.messages import RetrainAnswer, RetrainRequest
from stream.control.retrain_requests import answer_request, read_requests
from stream.ledger.labelled_decisions import load_labelled_decisions
from stream.ledger.repository import load_watermark
from stream.models.bundle import LoadedModel, read_bundle
from stream.settings import Settings
from training.data.dataset import load
from training.data.transaction_file import describe
from training.registry.promote import MAX_REASON, Promoter
from training.registry.register import register
from training.registry.versions import RegisteredVersion
from training.retrain.gather import GatheredCounts, gather
from training.retrain.runs import FAILED, RetrainRun, RetrainRuns
from training.retrain.train import train
from training.retrain.validation import validate_retrained
from training.study.recipe import recipe_of
from training.study.runs import StudyRuns
from training.validation.thresholds import DEFAULT, Thresholds

#: Name recorded as the author when challengers get their role.
AUTHOR = "fraud-train watch"
#: Number of attempts after which a request is declined. If attempts kill the process, further attempts would, too.
MAX_ATTEMPTS = 3
#: Kinds of archived messages: transactions from the topic, and those of HTTP requests.
KINDS = ("transactions", "transactions-http")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Retrainer:
    """Handles retraining requests.

    Args:
        promoter: Promoter connected to the Kafka cluster that carries the requests.
        runs: Runs of retraining requests in the promoter's MLflow.
        studies: Studies that record the champions' recipes.
        ledger: Ledger database.
        settings: Archive URL, minimum number of frauds, days of training data, label maturity, Kafka connection and
            topics.
        thresholds: Limits that a retrained model must meet before it becomes a challenger.
    """

    promoter: Promoter
    runs: RetrainRuns
    studies: StudyRuns
    ledger: Engine
    settings: Settings
    thresholds: Thresholds = DEFAULT

    def handle_open_requests(self) -> list[str]:
        """Handle every open request, oldest first, and return a status line for each.

        Raises:
            KafkaError: If the requests cannot be read.
        """
        return [
            self._report(request)
            for request in read_requests(self.settings.kafka, self.settings.topic)
            if request.answer is None
        ]

    def handle(self, request: RetrainRequest) -> RetrainAnswer:
        """Handle one request until it is answered, or resume handling it. Handling an answered request changes nothing.

        Raises:
            FraudError: If a service is unavailable; the next call resumes handling.
        """
        run = self.runs.find(request.request_id)
        if run is None or not run.finished:
            run = self._attempt(request)
        if run.declined:
            answer = RetrainAnswer("declined", run.declined, _now_ms())
        else:
            version = self._registered(run)
            self._make_challenger(version, request)
            result = f"version {version.number} runs in shadow mode as bundle {version.bundle.path}"
            answer = RetrainAnswer("challenger", result, _now_ms())
        answer_request(self.settings.kafka, self.settings.topic, request, answer)
        return answer

    def _report(self, request: RetrainRequest) -> str:
        name = f"retraining on request {request.request_id[:12]} ({request.cause}: {request.why})"
        try:
            answer = self.handle(request)
        except FraudError as error:
            return f"{name}: {error}; the next check tries again"
        return f"{name}: {answer.outcome}, {answer.why}"

    def _attempt(self, request: RetrainRequest) -> RetrainRun:
        run = self.runs.begin(request)
        try:
            _require_attempts(run)
            self._train(request, run)
        except (StoreUnavailableError, KafkaError, RegistryError):
            self.runs.uncount(run)
            raise
        except BundleError as error:  # the store may be unavailable
            self.runs.active(run).tag(FAILED, str(error))
            raise
        except (DataError, QualityError, StudyError, ArchiveError, LedgerError) as error:
            self.runs.decline(run, str(error))
        else:
            self.runs.end(run)
        ended = self.runs.find(request.request_id)
        assert ended is not None  # noqa: S101 - for the type checker: it was ended just now
        return ended

    def _train(self, request: RetrainRequest, run: RetrainRun) -> None:
        version, champion = self._champion(request)
        manifest = champion.manifest
        recipe = recipe_of(version.run_id, self.promoter.runs, self.studies)
        active = self.runs.active(run)
        with tempfile.TemporaryDirectory(prefix="fraud-retrain-") as scratch:
            file = Path(scratch) / "gathered.parquet"
            counts = self._gather(manifest, file)
            active.log_metrics({f"rows_{name}": getattr(counts, name) for name in counts.__struct_fields__})
            self._require_frauds(
                counts.frauds,
                f"{counts.not_archived} of {counts.known} labelled transactions are not archived, the champion would "
                f"reject {counts.refused}, and {counts.censored} are censored",
            )
            rows = load(file, describe(manifest))
            train(recipe, manifest, rows, active)
            validate_retrained(
                run.run_id,
                rows,
                champion,
                runs=self.promoter.runs,
                settings=self.settings,
                thresholds=self.thresholds,
            )

    def _champion(self, request: RetrainRequest) -> tuple[RegisteredVersion, LoadedModel]:
        newest = self.promoter.catch_up()
        champion = newest.change.champion if newest else None
        if champion is None:
            raise StudyError("there is no champion to replace; promote a version first")
        if champion.sha256 != request.bundle_sha256:
            raise StudyError(
                f"bundle {request.bundle_sha256[:12]} is no longer the champion; "
                f"send a new request for the current champion, {champion.path}"
            )
        version = self.promoter.registry.by_bundle().get(champion.sha256)
        if version is None:
            raise StudyError(
                f"no registered version has bundle {champion.path}; train and promote one with fraud-train"
            )
        return version, read_bundle(self.promoter.store, champion)

    def _gather(self, champion: Manifest, file: Path) -> GatheredCounts:
        maturity_ms = self.settings.gate.maturity_days * DAY_MS
        since_ms = (load_watermark(self.ledger) or 0) - self.settings.retrain.days * DAY_MS
        decisions = {}
        for kind, topic in zip(KINDS, self.settings.topic.decided, strict=True):
            loaded = load_labelled_decisions(self.ledger, topics=[topic], since_ms=since_ms, maturity_ms=maturity_ms)
            if loaded is not None:
                decisions[kind] = loaded
        # The number of frauds is checked early, so that the archive is not read in vain.
        self._require_frauds(sum(int(each.fraud.sum()) for each in decisions.values()), "in the ledger")
        return gather(
            self.settings.archive.url, decisions, champion, file, max_bytes=self.settings.scoring.max_transaction_bytes
        )

    def _require_frauds(self, frauds: int, detail: str) -> None:
        least = self.settings.retrain.min_frauds
        if frauds < least:
            raise DataError(
                f"{frauds} frauds have matured in the last {self.settings.retrain.days} days ({detail}), fewer than "
                f"the {least} that retraining needs (FRAUD_RETRAIN_MIN_FRAUDS)"
            )

    def _registered(self, run: RetrainRun) -> RegisteredVersion:
        for version in self.promoter.registry.all():
            if version.run_id == run.run_id and version.finished:
                return version
        return register(run.run_id, self.promoter.registry, self.promoter.runs, self.promoter.store)

    def _make_challenger(self, version: RegisteredVersion, request: RetrainRequest) -> None:
        self.promoter.catch_up()
        sha256 = version.bundle.sha256
        for entry in self.promoter.history.entries():
            bundles = (entry.change.champion, *(challenger.bundle for challenger in entry.change.challengers))
            if any(ref.sha256 == sha256 for ref in bundles):
                return
        reason = f"retrained on request {request.request_id[:12]} ({request.cause}): {request.why}"[:MAX_REASON]
        self.promoter.challenge(version.number, author=AUTHOR, reason=reason)


def _require_attempts(run: RetrainRun) -> None:
    if run.attempts > MAX_ATTEMPTS:
        last = run.tags.get(FAILED, "the process ended")
        raise StudyError(
            f"{MAX_ATTEMPTS} attempts failed, the last with: {last}; fix the cause and request retraining again"
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
