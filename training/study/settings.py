"""Settings of a study, in addition to its plan and data."""

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.errors import StudyError
from training.data.dataset import Dataset
from training.data.leaks import LeakName
from training.data.split import Split, split_by_time, split_stratified
from training.evaluation.costs import Costs
from training.evaluation.operating_points import PolicyKind
from training.evaluation.policy_choice import PolicyChoice, default_policy_kind
from training.study.plan import StudyPlan

#: Name of the default split.
BY_TIME = "time"
_STRATIFIED = "stratified"


@dataclass(frozen=True)
class StudySettings:
    """Settings of a study, in addition to its plan and data.

    Attributes:
        name: Name of the study, which may differ from the plan's name, to keep two studies of one plan apart.
        split: Name of the split, in the form that `split_function` accepts.
        accepted: Names of the leaks that do not stop the study.
        fresh: Whether to start a new study even if an unfinished one could be resumed.
        costs: Costs by which the deployed policy is chosen.
        policy: Kind of the deployed policy; None for `default_policy_kind`.
        alerts_per_day: Daily alert budget of the deployed policy; None for the budget in the plan.
    """

    name: str
    split: str = BY_TIME
    accepted: tuple[LeakName, ...] = ()
    fresh: bool = False
    costs: Costs = field(default_factory=Costs)
    policy: PolicyKind | None = None
    alerts_per_day: int | None = None

    def policy_choice(self, plan: StudyPlan, data: Dataset) -> PolicyChoice:
        """Return the rule that chooses the deployed policy."""
        alerts_per_day = plan.alerts_per_day if self.alerts_per_day is None else self.alerts_per_day
        return PolicyChoice(self.policy or default_policy_kind(data), self.costs, alerts_per_day)


def split_function(name: str) -> Callable[[Dataset], Split]:
    """Return the split function of a name: `time`, or `stratified-SEED` with an integer seed.

    Raises:
        StudyError: If there is no such split.
    """
    if name == BY_TIME:
        return split_by_time
    kind, _, seed = name.partition("-")
    if kind == _STRATIFIED and seed.isdecimal():
        return lambda data: split_stratified(data, int(seed))
    raise StudyError(f"there is no split {name!r}; use {BY_TIME}, or {_STRATIFIED}-SEED, such as {_STRATIFIED}-0")
