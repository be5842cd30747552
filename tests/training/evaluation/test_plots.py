"""Plots can be drawn for any scores that can be evaluated."""

from pathlib import Path

import pytest
from matplotlib.image import imread

from schemas.messages import Policy
from tests.training.evaluation.simulated_rows import scored, simulated
from training.evaluation.costs import Costs
from training.evaluation.operating_points import choose_by_cost, choose_comparison
from training.evaluation.plots import PLOTS, save_plots
from training.evaluation.scored_rows import ScoredRows


@pytest.mark.parametrize(
    "rows",
    [simulated(3000), scored([0, 1, 0.5, 0], [0, 1, 0, 0]), scored([0.2, 0.2], [1, 0], [0, 0])],
    ids=["many", "certain", "no amounts"],
)
def test_plots_are_drawn(rows: ScoredRows, tmp_path: Path) -> None:
    """Each plot is a PNG file that is not blank, even for scores of 0 and 1, bins without frauds, and amounts of 0."""
    policies = {
        "comparison": choose_comparison(rows, "f1"),
        "deployed": choose_by_cost(rows, Costs(), "expected_loss", "cost"),
        "none": Policy("none", 1.0, 1.0),
    }
    save_plots(tmp_path, rows, policies, Costs(), "validation split")
    assert {file.name for file in tmp_path.iterdir()} == set(PLOTS)
    for name in PLOTS:
        picture = imread(tmp_path / name)
        assert picture.shape[:2] == (660, 840)
        assert picture.std() > 0.05
