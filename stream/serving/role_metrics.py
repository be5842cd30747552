"""Prometheus metrics of a deciding program's roles and of unknown features."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from stream.scoring.model import Roles


class RoleMetrics:
    """Metrics of the models in a role, of role changes, and of unknown features.

    Args:
        registry: Registry that the metrics are added to.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._model = Gauge(
            "model_info", "1 for each model in a role.", ["role", "name", "version", "sha256"], registry=registry
        )
        self._epoch = Gauge(
            "role_epoch", "Epoch of the roles in use; 0 before the first assignment.", registry=registry
        )
        self._swaps = Counter(
            "model_swaps", "Role changes by result: applied, refused or fallback.", ["result"], registry=registry
        )
        self._unknown = Gauge(
            "unknown_features",
            "Transactions that carried a feature which no current model uses, by feature.",
            ["feature"],
            registry=registry,
        )
        # Create the series at 0, because a rate misses the first count of a series that starts with that count.
        for result in ("applied", "refused", "fallback"):
            self._swaps.labels(result)

    def swapped(self, roles: Roles, result: str) -> None:
        """Export which models are in the new roles.

        Args:
            roles: Roles in use from now on.
            result: Result of the role change: applied or fallback.
        """
        self._swaps.labels(result).inc()
        self._epoch.set(roles.epoch)
        self._model.clear()
        self._unknown.clear()
        for role, in_role in (("champion", roles.champion), *(("challenger", each) for each in roles.challengers)):
            model = in_role.model
            self._model.labels(role, model.manifest.name, model.manifest.version, model.sha256).set(1)

    def refused(self) -> None:
        """Count a rejected role change."""
        self._swaps.labels("refused").inc()

    def unknown_features(self, counts: dict[str, int]) -> None:
        """Show how many transactions contained each feature that no model uses."""
        for name, count in counts.items():
            self._unknown.labels(name).set(count)
