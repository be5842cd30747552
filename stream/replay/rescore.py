"""Scoring transactions again, with the roles of then or with one model alone."""

from collections.abc import Mapping

from schemas.errors import RolesError
from schemas.messages import Decision, ModelUpdate
from stream.models.bundle import LoadedModel
from stream.models.bundle_store import BundleStore
from stream.models.role_loader import RoleLoader
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.model import ModelInRole, Roles
from stream.scoring.scorer import ScoredBatch, Scorer
from stream.settings import Settings

#: The envelope's clock is not what a replay is about.
_NO_CLOCK = ScoringTime(0, 0.0)


class RolesOfThen:
    """Scores each decision's transaction again as it was scored then.

    Args:
        settings: Bundle store and limits.
        updates: Every assignment of roles, by epoch.
    """

    def __init__(self, settings: Settings, updates: Mapping[int, ModelUpdate]) -> None:
        self._settings, self._updates = settings, updates
        self._loader = RoleLoader(BundleStore(settings.bundle.store))
        self._scorers: dict[tuple[int, bool], Scorer] = {}

    def scorer_of(self, decision: Decision) -> Scorer:
        """Return the scorer that made a decision.

        Raises:
            RolesError: If its role epoch is not known, or names other bundles.
            BundleError: If a bundle of then is there no more.
        """
        update = self._updates.get(decision.role_epoch)
        if update is None:
            raise RolesError(f"role epoch {decision.role_epoch} is not on {self._settings.topic.model_updates}")
        playing = {update.champion.sha256, *(challenger.bundle.sha256 for challenger in update.challengers)}
        # A champion at fault makes way for the one before it, within the same epoch.
        fell_back = decision.bundle_sha256 not in playing
        key = (decision.role_epoch, fell_back)
        if key not in self._scorers:
            roles: Roles | None = self._loader.load(update)
            if fell_back:
                roles = self._loader.fall_back(update)
            if roles is None:
                raise RolesError(
                    f"bundle {decision.bundle_sha256[:12]} has no role in epoch {update.epoch}, "
                    "which had no champion before to fall back to either; this is no decision of that epoch"
                )
            self._scorers[key] = make_scorer(roles, self._settings)
        return self._scorers[key]


def alone(model: LoadedModel, settings: Settings) -> Scorer:
    """Return a scorer in which a model decides everything, by its own policy."""
    return make_scorer(Roles(0, ModelInRole(model, model.manifest.policy)), settings)


def make_scorer(roles: Roles, settings: Settings) -> Scorer:
    """Return a scorer with the worker's own limits."""
    return Scorer(roles, max_bytes=settings.scoring.max_transaction_bytes, max_reasons=settings.scoring.max_reasons)


def rescore(scorer: Scorer, incoming: RawBatch) -> ScoredBatch:
    """Score a batch again; the envelope's clock stands still."""
    return scorer.score(incoming, _NO_CLOCK)
