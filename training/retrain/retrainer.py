"""One request after the other, from what was asked to a challenger in the shadow, or a reason why not.

Each step leaves something that the next look finds, so that a process that is killed anywhere is gone on with:

| killed while                       | the next look finds                | and                                      |
|------------------------------------|------------------------------------|------------------------------------------|
| gathering or training              | the request's run, not ended       | begins it again, three times at most     |
| registering                        | the run ended, no whole version    | registers it                             |
| giving the role                    | a version that never had a role    | lets it watch                            |
| answering on the topic             | a version that had one             | answers; who was taken away stays away   |
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
from stream.models.bundle import read_bundle
from stream.settings import Settings
from training.data.dataset import load
from training.registry.promote import MAX_WHY, Promoter
from training.registry.register import register
from training.registry.versions import RegisteredVersion
from training.retrain.gather import GatheredCounts, describe, gather
from training.retrain.runs import FAILED, RetrainRuns, RetrainRun
from training.retrain.train import train
from training.study.recipe import recipe_of
from training.study.runs import StudyRuns

#: Who lets a challenger watch when nobody does.
AUTHOR = "fraud-train watch"
#: Attempts that ended without a word, after which a request is declined: what kills its process would do so for ever.
MAX_ATTEMPTS = 3
#: Of the archive, where transactions stand that were sent to us, and that were asked about.
KINDS = ("transactions", "transactions-http")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Retrainer:
    """Works requests.

    Args:
        promoter: Of MLflow and of the Kafka that the requests are on.
        runs: The requests in that MLflow.
        studies: How champions were made.
        ledger: The ledger's database.
        settings: The archive's URL, the least number of frauds, the days that are looked at, the maturity of labels;
            topics and addresses.
    """

    promoter: Promoter
    runs: RetrainRuns
    studies: StudyRuns
    ledger: Engine
    settings: Settings

    def look(self) -> list[str]:
        """RetrainRun every open request, the oldest first; return a line for each.

        Raises:
            KafkaError: If the requests cannot be read.
        """
        return [self._told(request) for request in read_requests(self.settings) if request.answer is None]

    def _told(self, request: RetrainRequest) -> str:
        name = f"retraining on request {request.request_id[:12]} ({request.cause}: {request.why})"
        try:
            answer = self.work(request)
        except FraudError as error:
            return f"{name}: {error}; the next look tries again"
        return f"{name}: {answer.outcome}, {answer.why}"

    def work(self, request: RetrainRequest) -> RetrainAnswer:
        """RetrainRun one request to its end, or go on with it; working it once more changes nothing.

        Raises:
            FraudError: If something is away; what was done so far is found by the next call.
        """
        work = self.runs.find(request.request_id)
        if work is None or not work.finished:
            work = self._begin(request)
        if work.declined:
            answer = RetrainAnswer("declined", work.declined, _now_ms())
        else:
            version = self._registered(work)
            self._let_watch(version, request)
            what = f"version {version.number} watches as bundle {version.bundle.path}"
            answer = RetrainAnswer("challenger", what, _now_ms())
        answer_request(self.settings, request, answer)
        return answer

    def _begin(self, request: RetrainRequest) -> RetrainRun:
        work = self.runs.begin(request)
        try:
            _require_attempts(work)
            self._train(request, work)
        except (StoreUnavailableError, KafkaError, RegistryError):
            self.runs.uncount(work)
            raise
        except BundleError as error:  # it may be the store that is away
            self.runs.tag(work, FAILED, str(error))
            raise
        except (DataError, QualityError, StudyError, ArchiveError, LedgerError) as error:
            self.runs.decline(work, str(error))
        else:
            self.runs.finish(work)
        found = self.runs.find(request.request_id)
        assert found is not None  # noqa: S101 - for the type checker: it has just been ended
        return found

    def _train(self, request: RetrainRequest, work: RetrainRun) -> None:
        version, champion = self._champion(request)
        recipe = recipe_of(version.run_id, self.promoter.runs, self.studies)
        with tempfile.TemporaryDirectory(prefix="fraud-retrain-") as scratch:
            file = Path(scratch) / "gathered.parquet"
            gathered = self._gather(champion, file)
            self.runs.log_metrics(
                work, {f"rows_{name}": getattr(gathered, name) for name in gathered.__struct_fields__}
            )
            self._require_frauds(
                gathered.frauds,
                f"{gathered.not_archived} of {gathered.known} known rows are not "
                f"archived, {gathered.refused} the champion would refuse, {gathered.censored} are censored",
            )
            train(recipe, champion, load(file, describe(champion)), work, self.runs)

    def _champion(self, request: RetrainRequest) -> tuple[RegisteredVersion, Manifest]:
        newest = self.promoter.catch_up()
        champion = newest.change.champion if newest else None
        if champion is None or champion.sha256 != request.bundle_sha256:
            now = champion.path if champion else "nobody"
            raise StudyError(f"bundle {request.bundle_sha256[:12]} is not champion, {now} is; ask about that")
        version = self.promoter.registry.by_bundle().get(champion.sha256)
        if version is None:
            raise StudyError(f"no registered version has bundle {champion.path}; train and promote one by fraud-train")
        return version, read_bundle(self.promoter.store, champion).manifest

    def _gather(self, champion: Manifest, file: Path) -> GatheredCounts:
        maturity_ms = self.settings.gate.maturity_days * DAY_MS
        since_ms = (load_watermark(self.ledger) or 0) - self.settings.retrain.days * DAY_MS
        found = {
            kind: each
            for kind, topic in zip(KINDS, self.settings.topic.decided, strict=True)
            if (
                each := load_labelled_decisions(
                    self.ledger, topics=[topic], since_ms=since_ms, maturity_ms=maturity_ms
                )
            )
            is not None
        }
        # Before the archive is read for nothing.
        self._require_frauds(sum(int(each.fraud.sum()) for each in found.values()), "by the ledger")
        return gather(
            self.settings.archive.url, found, champion, file, max_bytes=self.settings.scoring.max_transaction_bytes
        )

    def _require_frauds(self, frauds: int, of_what: str) -> None:
        least = self.settings.retrain.min_frauds
        if frauds < least:
            raise DataError(
                f"{frauds} matured frauds of the last {self.settings.retrain.days} days ({of_what}) are fewer than the "
                f"{least} it takes (FRAUD_RETRAIN_MIN_FRAUDS)"
            )

    def _registered(self, work: RetrainRun) -> RegisteredVersion:
        for version in self.promoter.registry.all():
            if version.run_id == work.run_id and version.finished:
                return version
        return register(work.run_id, self.promoter.registry, self.promoter.runs, self.promoter.store)

    def _let_watch(self, version: RegisteredVersion, request: RetrainRequest) -> None:
        self.promoter.catch_up()
        sha256 = version.bundle.sha256
        for entry in self.promoter.history.entries():
            held = (entry.change.champion, *(challenger.bundle for challenger in entry.change.challengers))
            if any(ref.sha256 == sha256 for ref in held):
                return
        why = f"retrained on request {request.request_id[:12]} ({request.cause}): {request.why}"[:MAX_WHY]
        self.promoter.challenge(version.number, who=AUTHOR, why=why)


def _require_attempts(work: RetrainRun) -> None:
    if work.attempts > MAX_ATTEMPTS:
        last = work.tags.get(FAILED, "the process ended")
        raise StudyError(f"{MAX_ATTEMPTS} attempts came to nothing, the last because: {last}; mend that and ask again")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
