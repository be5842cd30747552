"""Which models hold a role, what became of role changes, and which features nobody knows: shown to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from stream.scoring.model import Roles


class RoleMetrics:
    """What a deciding program shows of its roles.

    Args:
        registry: Receives them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._model = Gauge(
            "model_info", "1 for each model in a role.", ["role", "name", "version", "sha256"], registry=registry
        )
        self._epoch = Gauge("role_epoch", "Epoch of the roles in use.", registry=registry)
        self._swaps = Counter("model_swaps", "Role changes by result.", ["result"], registry=registry)
        self._unknown = Gauge(
            "unknown_features", "Features no model knows, seen under the current roles.", ["feature"], registry=registry
        )
        # Shown from the start: a rate sees no increase in a series that begins with its first count.
        for result in ("applied", "refused", "fallback"):
            self._swaps.labels(result)

    def swapped(self, roles: Roles, result: str) -> None:
        """Show the models that hold a role from now on."""
        self._swaps.labels(result).inc()
        self._epoch.set(roles.epoch)
        self._model.clear()
        self._unknown.clear()
        for role, player in (("champion", roles.champion), *(("challenger", each) for each in roles.challengers)):
            model = player.model
            self._model.labels(role, model.manifest.name, model.manifest.version, model.sha256).set(1)

    def refused(self) -> None:
        """Count a role change that was refused."""
        self._swaps.labels("refused").inc()

    def unknown_features(self, counts: dict[str, int]) -> None:
        """Show the features that senders send and no model knows."""
        for name, count in counts.items():
            self._unknown.labels(name).set(count)
