"""Scores transactions again, with the roles in force at the time or with a single model."""

from collections.abc import Mapping

from schemas.errors import RolesError
from schemas.messages import Decision, ModelUpdate
from stream.models.bundle import LoadedModel
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.scoring.model import ModelInRole, Roles
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.scorer import ScoredBatch, Scorer
from stream.settings import ScoringSettings, Settings

#: Topic, partition and offset of a transaction.
SourcePosition = tuple[str, int, int]
#: A replay compares decision bodies only, so the clock fields of the envelope are zero.
_NO_CLOCK = ScoringTime(0, 0.0)


class HistoricalScorers:
    """Scorers for the roles under which past decisions were made.

    Args:
        settings: Settings for the bundle store and the scoring limits.
        updates: Every assignment of roles, by epoch.
    """

    def __init__(self, settings: Settings, updates: Mapping[int, ModelUpdate]) -> None:
        self._settings, self._updates = settings, updates
        self._loader = RoleLoader(BundleStore(settings.bundle.store))
        self._scorers: dict[tuple[int, bool], Scorer] = {}

    def scorer_of(self, decision: Decision) -> Scorer:
        """Return a scorer for the roles under which a decision was made.

        Raises:
            RolesError: If the decision's role epoch is unknown, or gives its bundle no role.
            BundleError: If a bundle from that epoch is no longer in the store.
        """
        update = self._updates.get(decision.role_epoch)
        if update is None:
            raise RolesError(f"role epoch {decision.role_epoch} is not on {self._settings.topic.model_updates}")
        in_role = {update.champion.sha256, *(challenger.bundle.sha256 for challenger in update.challengers)}
        # A champion at fault is replaced by the previous champion within the same epoch.
        fell_back = decision.bundle_sha256 not in in_role
        key = (decision.role_epoch, fell_back)
        if key not in self._scorers:
            roles: Roles | None = self._loader.load(update)
            if fell_back:
                roles = self._loader.fall_back(update)
            if roles is None:
                raise RolesError(
                    f"bundle {decision.bundle_sha256[:12]} has no role in epoch {update.epoch}, and that epoch has "
                    "no previous champion to fall back to, so the decision cannot have been made in it"
                )
            self._scorers[key] = make_scorer(roles, self._settings.scoring)
        return self._scorers[key]


def sole_scorer(model: LoadedModel, scoring: ScoringSettings) -> Scorer:
    """Return a scorer in which one model decides everything by its own policy."""
    return make_scorer(Roles(0, ModelInRole(model, model.manifest.policy)), scoring)


def make_scorer(roles: Roles, scoring: ScoringSettings) -> Scorer:
    """Return a scorer with the worker's own limits."""
    return Scorer(roles, max_bytes=scoring.max_transaction_bytes, max_reasons=scoring.max_reasons)


def rescore(scorer: Scorer, batch: RawBatch) -> ScoredBatch:
    """Score a batch again; `scored_at_ms` and `latency_ms` of the decisions are zero."""
    return scorer.score(batch, _NO_CLOCK)
