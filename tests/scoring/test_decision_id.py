"""Decision ids: making and parsing them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.scoring.decision_id import DecisionId, decision_id, parse_decision_id

_topic = st.from_regex(r"[a-zA-Z0-9._-]{1,249}", fullmatch=True)  # as Kafka allows
_number = st.integers(0, 10**18 - 1)


@given(_topic, _number, _number, _number)
def test_an_id_is_parsed_back_into_its_parts(topic: str, partition: int, offset: int, epoch: int) -> None:
    """An id parses back for every topic name that Kafka allows and numbers of up to 18 digits."""
    assert parse_decision_id(decision_id(topic, partition, offset, epoch)) == DecisionId(
        topic, partition, offset, epoch
    )


@given(st.text())
def test_only_ids_of_the_form_are_parsed(text: str) -> None:
    """A parsed id has the parts written in the text; any other text gives None, never an error."""
    parts = parse_decision_id(text)
    if parts is not None:
        assert parse_decision_id(decision_id(*parts)) == parts


@pytest.mark.parametrize(
    "text",
    [
        *("", "t", "t/0/1", "t/0@1", "t/0/1@", "/0/1@2", "t/0/1/2@3", "t/-1/1@2", "t/0/1@2 ", "t/x/1@2", "t/0/1@2@3"),
        *(f"t/0/{10**18}@1", "t/0/\u0663@1"),
    ],
)
def test_other_forms_are_not_parsed(text: str) -> None:
    """Other texts give None, such as a number that does not fit in 64 bits, or digits that are not ASCII."""
    assert parse_decision_id(text) is None
