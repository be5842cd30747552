"""Choose the deployed policy on the validation split, by the least cost or by a daily alert budget."""

from dataclasses import dataclass, field

from schemas.messages import Policy
from training.data.dataset import Dataset
from training.evaluation.costs import Costs
from training.evaluation.operating_points import PolicyKind, choose_by_budget, choose_by_cost, daily_budget
from training.evaluation.scored_rows import ScoredRows


@dataclass(frozen=True)
class PolicyChoice:
    """The rule that chooses a model's deployed policy."""

    kind: PolicyKind
    #: Costs by which the policy is chosen, unless `alerts_per_day` is set.
    costs: Costs = field(default_factory=Costs)
    #: Number of alerts that analysts can review in a day, which the policy uses up; None to choose the policy by cost.
    alerts_per_day: int | None = None

    def choose(self, validation: ScoredRows, algorithm: str) -> Policy:
        """Return the policy to deploy with a model, given its scores on the validation split.

        Args:
            validation: Calibrated scores with labels, amounts and event times.
            algorithm: Model family. The policy's version is `<algorithm>-cost` or `<algorithm>-budget`.

        Raises:
            DataError: If the validation split has only one class, or the budget is too small for even one alert.
        """
        if self.alerts_per_day is None:
            return choose_by_cost(validation, self.costs, self.kind, f"{algorithm}-cost")
        alerts = daily_budget(validation, self.alerts_per_day)
        return choose_by_budget(validation, alerts, self.kind, f"{algorithm}-budget")


def default_policy_kind(data: Dataset) -> PolicyKind:
    """Return `expected_loss` for data in one currency, else `score`: losses in several currencies can't be compared."""
    return "expected_loss" if len(set(data.currency)) == 1 else "score"
