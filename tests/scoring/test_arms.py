"""Arms of a split, and exploration: the same cards, the same transactions, in the shares that were asked for."""

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
#: Standard errors that a share of 20,000 draws may be off.
SIGMAS = 4.5
ALL_REVIEW = Policy("review-all", 0.0, 1.0)
ALL_DECLINE = Policy("decline-all", 0.0, 0.0)


def near(share: float) -> object:
    """A share that 20,000 fair draws may have."""
    return pytest.approx(share, abs=SIGMAS * (share * (1 - share) / len(CARDS)) ** 0.5)


def split(
    *shares: float, salt: str = "", exploration: Exploration | None = None, policy: Policy | None = None
) -> Roles:
    """Roles in which challengers 2, 3, … decide for these shares."""
    models = [fake_model(version=str(number)) for number in range(1, len(shares) + 2)]
    champion, challengers = assign_roles(*models)
    if policy:
        champion = ModelInRole(champion.model, policy)
    taking = tuple(
        ModelInRole(each.model, policy or each.policy, share) for each, share in zip(challengers, shares, strict=True)
    )
    return Roles(7, champion, taking, exploration, salt)


def score(roles: Roles, count: int = 300, *, amount: int = 250) -> ScoredBatch:
    """Score `count` transactions, each with a card of its own."""
    values = [
        transaction(features(2, 2, 2), number, card_id=f"card-{number}", amount_minor=amount) for number in range(count)
    ]
    return scorer_for(roles, max_reasons=1).score(raw_batch(values), SCORING_TIME)


def test_draws_are_uniform() -> None:
    """Every tenth of [0, 1) is hit equally often."""
    counts = np.histogram(uniform("card", "s", CARDS), bins=10, range=(0, 1))[0] / len(CARDS)
    assert all(count == near(0.1) for count in counts)


def test_draws_for_two_purposes_and_two_salts_are_independent() -> None:
    """A card in an arm says nothing about its transactions' exploration, nor about the next experiment's arms."""
    base = uniform("card", "s", CARDS) < 0.5
    for other in (uniform("transaction", "s", CARDS), uniform("card", "t", CARDS)):
        assert np.mean(base & (other < 0.5)) == near(0.25)


def test_purpose_and_salt_do_not_run_into_each_other() -> None:
    """A card named like a salt's end is another draw."""
    assert uniform("card", "a", ["bc"]) != uniform("card", "ab", ["c"])


def test_a_known_draw_stays_what_it_is() -> None:
    """Another hash would move every card to another arm and make no replay agree with what was recorded."""
    assert uniform("card", "autumn", ["a", "b"]).tolist() == [0.5611504571350526, 0.4646014001390417]


@given(st.lists(st.floats(0, 0.3), max_size=3), st.text(max_size=5), st.lists(st.text(min_size=1), max_size=20))
def test_an_arm_is_one_of_those_there_are(shares: list[float], salt: str, cards: list[str]) -> None:
    """The champion or a challenger with a share; the same card the same arm in any company."""
    arms = draw_arms(shares, salt, cards)
    assert all(arm == 0 or shares[arm - 1] > 0 for arm in arms)
    assert [draw_arms(shares, salt, [card])[0] for card in cards] == arms.tolist()


def test_cards_are_shared_out_as_asked() -> None:
    """Each challenger its share, the champion the rest; one that only watches has none."""
    arms = draw_arms([0.1, 0.0, 0.25], "s", CARDS)
    shares = np.bincount(arms, minlength=4) / len(CARDS)
    assert [shares[0], shares[1], shares[3]] == [near(0.65), near(0.1), near(0.25)]
    assert shares[2] == 0


def test_a_growing_share_keeps_its_cards() -> None:
    """From a tenth to a fifth nobody changes back."""
    few, more = (draw_arms([share], "s", CARDS) == 1 for share in (0.1, 0.2))
    assert not np.any(few & ~more)


def test_a_split_s_decisions_say_who_decided() -> None:
    """Model, policy, arm and propensity are those of the arm of the card; nothing else differs."""
    scored = score(split(0.25, 0.25))
    arms = draw_arms([0.25, 0.25], "", [f"card-{number}" for number in range(300)])
    assert set(arms.tolist()) == {0, 1, 2}
    for decision, arm in zip(scored.decisions, arms.tolist(), strict=True):
        assert decision.model_version == str(arm + 1)
        assert decision.arm == ("challenger" if arm else "champion")
        assert decision.propensity == (0.25 if arm else 0.5)


def test_everyone_else_is_on_record_beside_each_decision() -> None:
    """For each transaction every model is heard once: one decides, all others' scores are shadow scores."""
    scored = score(split(0.25, 0.0, 0.25))
    heard = {decision.decision_id: [decision.model_version] for decision in scored.decisions}
    for records in scored.shadow_scores:
        assert len(records) == len(scored.decisions)
        for record in records:
            heard[record.decision_id].append(record.model_version)
    assert all(sorted(versions) == ["1", "2", "3", "4"] for versions in heard.values())


def test_whoever_decides_gives_the_reasons() -> None:
    """An alert of a challenger that sees only the amount is explained by the amount."""
    champion, (challenger,) = assign_roles(fake_model(), fake_model([msgspec.structs.replace(AMOUNT, median=0.0)], version="2"))
    scored = score(Roles(7, champion, (ModelInRole(challenger.model, challenger.policy, 0.5),)))
    reasons = {
        decision.arm: {reason.feature for reason in decision.reasons}
        for decision in scored.decisions
        if decision.verdict != "approve"
    }
    assert reasons["challenger"] == {"Amount"}
    assert reasons["champion"] == {"V1"}


def test_for_a_challenger_that_cannot_score_the_champion_decides() -> None:
    """The card's draw stays on record; the challenger's record says what ailed it."""
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
    """Each with the probability it had; the score stays, and what was not let through is recorded as well."""
    roles = split(exploration=Exploration(0.25, 250), policy=ALL_DECLINE)
    scored = score(roles, 2000)
    through = draw_explored(0.25, "", [decision.transaction_id for decision in scored.decisions])
    for decision, explored in zip(scored.decisions, through.tolist(), strict=True):
        expected = ("approve", "exploration", 0.25) if explored else ("decline", "champion", 0.75)
        assert (decision.verdict, decision.arm, decision.propensity) == expected
        assert bool(decision.reasons) != explored
    assert through.mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("policy", "amount"), [(ALL_DECLINE, 251), (ALL_REVIEW, 250)], ids=["above the cap", "only reviewed"]
)
def test_exploration_leaves_the_rest_alone(policy: Policy, amount: int) -> None:
    """What is above the cap, and what is reviewed anyway: its label will come."""
    scored = score(split(exploration=Exploration(0.5, 250), policy=policy), amount=amount)
    assert {(decision.arm, decision.propensity) for decision in scored.decisions} == {("champion", 1.0)}
    assert all(decision.verdict != "approve" for decision in scored.decisions)


def test_propensities_of_arm_and_exploration_multiply() -> None:
    """A would-be decline of a challenger with a quarter of the cards, let through with probability a half."""
    scored = score(split(0.25, exploration=Exploration(0.5, 250), policy=ALL_DECLINE))
    found = {(decision.model_version, decision.arm, decision.propensity) for decision in scored.decisions}
    assert found == {
        ("1", "champion", 0.375),
        ("1", "exploration", 0.375),
        ("2", "challenger", 0.125),
        ("2", "exploration", 0.125),
    }


def test_a_policy_is_shadowed_without_another_run_of_the_model() -> None:
    """Its scores are the champion's own, its verdicts its own."""
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


def test_batches_do_not_change_who_decides() -> None:
    """One by one or all at once, decisions and records are the same."""
    roles = split(0.25, 0.25, exploration=Exploration(0.5, 250))
    values = [transaction(features(number % 5 - 2), number, card_id=f"card-{number}") for number in range(60)]
    scorer, batch = scorer_for(roles), raw_batch(values)
    whole = scorer.score(batch, SCORING_TIME)
    single = [scorer.score(batch.slice(number, number + 1), SCORING_TIME) for number in range(len(values))]
    assert [each.decisions[0] for each in single] == whole.decisions
    assert _ids(whole) == sorted(record for each in single for record in _ids(each))


def _ids(scored: ScoredBatch) -> list[bytes]:
    """All shadow scores, in an order of their own."""
    return sorted(msgspec.json.encode(record) for records in scored.shadow_scores for record in records)
