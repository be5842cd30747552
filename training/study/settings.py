"""What a study is run with besides plan and data."""

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

#: The split that a study uses unless it is told otherwise.
BY_TIME = "time"
_STRATIFIED = "stratified"


@dataclass(frozen=True)
class StudySettings:
    """What a study is run with besides plan and data."""

    #: The plan's own, or another to keep two studies of one plan apart.
    name: str
    #: As `splitter` takes it.
    split: str = BY_TIME
    #: Leaks that do not stop it.
    accepted: tuple[LeakName, ...] = ()
    #: Begin anew even where there is one to go on with.
    fresh: bool = False
    #: The deployed policy is the cheapest by these.
    costs: Costs = field(default_factory=Costs)
    #: Of the deployed policy; None: expected_loss where all amounts are of one currency, score elsewhere.
    policy: PolicyKind | None = None
    #: Daily budget of alerts for the deployed policy; None: the plan's.
    alerts_per_day: int | None = None

    def policy_choice(self, plan: StudyPlan, data: Dataset) -> PolicyChoice:
        """Return the rule that chooses the deployed policy."""
        alerts_per_day = plan.alerts_per_day if self.alerts_per_day is None else self.alerts_per_day
        return PolicyChoice(self.policy or default_policy_kind(data), self.costs, alerts_per_day)


def splitter(name: str) -> Callable[[Dataset], Split]:
    """Return the split of this name: `time`, or `stratified-0` with any seed for the 0.

    Raises:
        StudyError: If there is none.
    """
    if name == BY_TIME:
        return split_by_time
    kind, _, seed = name.partition("-")
    if kind == _STRATIFIED and seed.isdecimal():
        return lambda data: split_stratified(data, int(seed))
    raise StudyError(f"there is no split {name!r}; name {BY_TIME}, or {_STRATIFIED}-0 with any seed for the 0")
