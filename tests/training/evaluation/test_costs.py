"""The costs of verdicts, and the allowed ranges of settings."""

import pytest

from schemas.errors import SettingsError
from schemas.messages import Policy
from tests.training.evaluation.simulated_rows import scored
from training.evaluation.alert_figures import alert_figures
from training.evaluation.costs import Costs
from training.evaluation.figures import FigureSettings


def test_expected_cost_is_the_mean_over_transactions() -> None:
    """The expected cost is the mean over a fraud and a legitimate transaction, each approved, reviewed and declined."""
    each = scored([0.125, 0.5, 0.875] * 2, [1, 1, 1, 0, 0, 0], [1000] * 6)
    costs = Costs(review_cost_minor=100, recovered_share=0.75, false_decline_cost_minor=400)
    group = alert_figures(each, Policy("v", review=0.5, decline=0.875), costs)
    assert group.values()["expected_cost"] == pytest.approx((1000 + (100 + 250) + 0 + 0 + 100 + 400) / 6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"review_cost_minor": -1}, "review_cost_minor must not be negative"),
        ({"false_decline_cost_minor": -1}, "false_decline_cost_minor must not be negative"),
        ({"recovered_share": 1.1}, "recovered_share must be between 0 and 1"),
        ({"recovered_share": float("nan")}, "recovered_share must be between 0 and 1"),
    ],
)
def test_costs_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    """Costs out of range are rejected, so that a mistyped setting stops the run."""
    with pytest.raises(SettingsError, match=message):
        Costs(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "message"), [({"alert_rate": 0.0}, "alert_rate"), ({"alerts_per_day": 0}, "at least 1")]
)
def test_figure_settings_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    """Alert rates and daily numbers of alerts out of range are rejected."""
    with pytest.raises(SettingsError, match=message):
        FigureSettings(**wrong)  # type: ignore[arg-type]
