"""The arms of a split, and exploration: draws are reproducible and have the requested shares."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import Exploration, Policy
from stream.scoring.arms import draw_arms, draw_explored, uniform
from stream.scoring.model import ModelInRole, Roles
from stream.scoring.scorer import ScoredBatch
from tests.scoring.fake_model import (
    AMOUNT,
    SCORING_TIME,
    assign_roles,
    failing_where,
    fake_model,
    features,
    raw_batch,
    scorer_for,
    transaction,
)

CARDS = [f"card-{number}" for number in range(20_000)]
#: Largest error of a share of 20,000 draws, in standard errors.
SIGMAS = 4.5
ALL_REVIEW = Policy("review-all", 0.0, 1.0)
ALL_DECLINE = Policy("decline-all", 0.0, 0.0)


def near(share: float) -> object:
    """Return a matcher for a share of 20,000 draws that is close enough to its expected value."""
    return pytest.approx(share, abs=SIGMAS * (share * (1 - share) / len(CARDS)) ** 0.5)


def split(
    *shares: float, salt: str = "", exploration: Exploration | None = None, policy: Policy | None = None
) -> Roles:
    """Return roles in which challengers 2, 3, … decide the given shares of the cards."""
    models = [fake_model(version=str(number)) for number in range(1, len(shares) + 2)]
    champion, challengers = assign_roles(*models)
    if policy:
        champion = ModelInRole(champion.model, policy)
    with_shares = tuple(
        ModelInRole(each.model, policy or each.policy, share) for each, share in zip(challengers, shares, strict=True)
    )
    return Roles(7, champion, with_shares, exploration, salt)


def score(roles: Roles, count: int = 300, *, amount: int = 250) -> ScoredBatch:
    """Score `count` transactions, each with its own card."""
    values = [
        transaction(features(2, 2, 2), number, card_id=f"card-{number}", amount_minor=amount) for number in range(count)
    ]
    return scorer_for(roles, max_reasons=1).score(raw_batch(values), SCORING_TIME)


def test_draws_are_uniform() -> None:
    """Draws fall into each tenth of [0, 1) equally often."""
    counts = np.histogram(uniform("card", "s", CARDS), bins=10, range=(0, 1))[0] / len(CARDS)
    assert all(count == near(0.1) for count in counts)


def test_draws_for_two_purposes_and_two_salts_are_independent() -> None:
    """A card's arm predicts neither the exploration of its transactions nor its arm under another salt."""
    base = uniform("card", "s", CARDS) < 0.5
    for other in (uniform("transaction", "s", CARDS), uniform("card", "t", CARDS)):
        assert np.mean(base & (other < 0.5)) == near(0.25)


def test_salt_and_key_are_separated() -> None:
    """Salt "a" with key "bc" is not the draw of salt "ab" with key "c"."""
    assert uniform("card", "a", ["bc"]) != uniform("card", "ab", ["c"])


def test_draws_never_change() -> None:
    """Draws have fixed values, since a change would move cards to other arms and break replays of old decisions."""
    assert uniform("card", "autumn", ["a", "b"]).tolist() == [0.5611504571350526, 0.4646014001390417]


@given(st.lists(st.floats(0, 0.3), max_size=3), st.text(max_size=5), st.lists(st.text(min_size=1), max_size=20))
def test_every_card_gets_an_existing_arm(shares: list[float], salt: str, cards: list[str]) -> None:
    """The arm is the champion or a challenger with a share, and does not depend on the other cards."""
    arms = draw_arms(shares, salt, cards)
    assert all(arm == 0 or shares[arm - 1] > 0 for arm in arms)
    assert [draw_arms(shares, salt, [card])[0] for card in cards] == arms.tolist()


def test_cards_are_split_by_share() -> None:
    """Each challenger gets its share and the champion the rest; a challenger in shadow mode gets none."""
    arms = draw_arms([0.1, 0.0, 0.25], "s", CARDS)
    shares = np.bincount(arms, minlength=4) / len(CARDS)
    assert [shares[0], shares[1], shares[3]] == [near(0.65), near(0.1), near(0.25)]
    assert shares[2] == 0


def test_a_growing_share_keeps_its_cards() -> None:
    """When a share grows from a tenth to a fifth, no card moves back to the champion."""
    few, more = (draw_arms([share], "s", CARDS) == 1 for share in (0.1, 0.2))
    assert not np.any(few & ~more)


def test_decisions_of_a_split_name_the_deciding_model() -> None:
    """A decision names the card's arm, the arm's model and the arm's propensity."""
    scored = score(split(0.25, 0.25))
    arms = draw_arms([0.25, 0.25], "", [f"card-{number}" for number in range(300)])
    assert set(arms.tolist()) == {0, 1, 2}
    for decision, arm in zip(scored.decisions, arms.tolist(), strict=True):
        assert decision.model_version == str(arm + 1)
        assert decision.arm == ("challenger" if arm else "champion")
        assert decision.propensity == (0.25 if arm else 0.5)


def test_every_other_model_has_a_shadow_score_for_each_decision() -> None:
    """For each transaction, one model decides and every other model has a shadow score."""
    scored = score(split(0.25, 0.0, 0.25))
    versions_by_id = {decision.decision_id: [decision.model_version] for decision in scored.decisions}
    for records in scored.shadow_scores:
        assert len(records) == len(scored.decisions)
        for record in records:
            versions_by_id[record.decision_id].append(record.model_version)
    assert all(sorted(versions) == ["1", "2", "3", "4"] for versions in versions_by_id.values())


def test_reasons_come_from_the_deciding_model() -> None:
    """An alert from a challenger whose only feature is the amount is explained by the amount."""
    champion, (challenger,) = assign_roles(
        fake_model(), fake_model([msgspec.structs.replace(AMOUNT, median=0.0)], version="2")
    )
    scored = score(Roles(7, champion, (ModelInRole(challenger.model, challenger.policy, 0.5),)))
    reasons = {
        decision.arm: {reason.feature for reason in decision.reasons}
        for decision in scored.decisions
        if decision.verdict != "approve"
    }
    assert reasons["challenger"] == {"Amount"}
    assert reasons["champion"] == {"V1"}


def test_the_champion_decides_if_the_challenger_cannot_score() -> None:
    """If the challenger cannot score, the champion decides with the draw's propensity; the challenger has a problem."""
    champion, (challenger,) = assign_roles(
        fake_model(), fake_model(version="2", rule=failing_where(lambda matrix: matrix[:, 0] > 1))
    )
    scored = score(Roles(7, champion, (ModelInRole(challenger.model, challenger.policy, 0.5),)))
    arms = {decision.arm for decision in scored.decisions}
    assert arms == {"champion", "fallback"}
    assert {decision.model_version for decision in scored.decisions} == {"1"}
    assert {decision.propensity for decision in scored.decisions} == {0.5}
    assert all(record.problem for record in scored.shadow_scores[0])


def test_exploration_lets_some_small_declines_through() -> None:
    """Exploration lets through some small declines, and records propensities for all of them."""
    roles = split(exploration=Exploration(0.25, 250), policy=ALL_DECLINE)
    scored = score(roles, 2000)
    all_explored = draw_explored(0.25, "", [decision.transaction_id for decision in scored.decisions])
    for decision, explored in zip(scored.decisions, all_explored.tolist(), strict=True):
        expected = ("approve", "exploration", 0.25) if explored else ("decline", "champion", 0.75)
        assert (decision.verdict, decision.arm, decision.propensity) == expected
        assert bool(decision.reasons) != explored
    assert all_explored.mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("policy", "amount"), [(ALL_DECLINE, 251), (ALL_REVIEW, 250)], ids=["above the cap", "only reviewed"]
)
def test_exploration_changes_nothing_else(policy: Policy, amount: int) -> None:
    """Exploration affects neither transactions above the cap nor reviews, which get a label anyway."""
    scored = score(split(exploration=Exploration(0.5, 250), policy=policy), amount=amount)
    assert {(decision.arm, decision.propensity) for decision in scored.decisions} == {("champion", 1.0)}
    assert all(decision.verdict != "approve" for decision in scored.decisions)


def test_propensities_of_arm_and_exploration_multiply() -> None:
    """Propensities multiply if a challenger has a quarter of the cards and half of the declines are explored."""
    scored = score(split(0.25, exploration=Exploration(0.5, 250), policy=ALL_DECLINE))
    combinations = {(decision.model_version, decision.arm, decision.propensity) for decision in scored.decisions}
    assert combinations == {
        ("1", "champion", 0.375),
        ("1", "exploration", 0.375),
        ("2", "challenger", 0.125),
        ("2", "exploration", 0.125),
    }


def test_a_challenger_with_the_champion_s_model_costs_no_run() -> None:
    """A challenger with the champion's model reuses the champion's scores and applies its own policy."""
    model = fake_model()
    champion = ModelInRole(model, model.manifest.policy)
    score(Roles(7, champion))
    alone = model.runs
    scored = score(Roles(7, champion, (ModelInRole(model, ALL_DECLINE),)))
    assert model.runs == 2 * alone
    (records,) = scored.shadow_scores
    for decision, record in zip(scored.decisions, records, strict=True):
        assert record.score == decision.score
        assert (record.verdict, record.policy_version) == ("decline", "decline-all")


def test_batch_size_does_not_change_decisions() -> None:
    """Transactions get the same decisions and shadow scores whether scored one by one or all at once."""
    roles = split(0.25, 0.25, exploration=Exploration(0.5, 250))
    values = [transaction(features(number % 5 - 2), number, card_id=f"card-{number}") for number in range(60)]
    scorer, batch = scorer_for(roles), raw_batch(values)
    whole = scorer.score(batch, SCORING_TIME)
    single = [scorer.score(batch.slice(number, number + 1), SCORING_TIME) for number in range(len(values))]
    assert [each.decisions[0] for each in single] == whole.decisions
    assert _encoded(whole) == sorted(record for each in single for record in _encoded(each))


def _encoded(scored: ScoredBatch) -> list[bytes]:
    """Return all shadow scores, encoded and sorted."""
    return sorted(msgspec.json.encode(record) for records in scored.shadow_scores for record in records)
