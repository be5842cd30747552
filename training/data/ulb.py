"""The ULB data as the stream sees it: one transaction message a row."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from schemas.messages import FeatureValue, Transaction
from training.data.dataset import NUMERIC, Transactions

#: The data covers two days of September 2013; its makers did not say which.
BASE_TIME_MS = int(datetime(2013, 9, 1, tzinfo=UTC).timestamp() * 1000)
CURRENCY = "EUR"
#: The data names no cards. These are made up, so that topics have keys; never a feature.
CARDS = 20_000
_CARD_SALT = b"fraud-stream/ulb/1"


def event_time_ms(time_s: float) -> int:
    """Return UTC milliseconds of a moment `time_s` seconds after the data's first transaction.

    >>> event_time_ms(1.5)
    1377993601500
    """
    return BASE_TIME_MS + round(time_s * 1000)


def card_id(row: int) -> str:
    """Return the made-up card that paid in this row: always the same, evenly spread.

    >>> card_id(0) == card_id(0)
    True
    """
    card = int.from_bytes(_salted(f"row {row}")) % CARDS
    return f"card-{_salted(f'card {card}').hex()}"


def transactions(data: Transactions) -> Iterator[Transaction[dict[str, FeatureValue]]]:
    """Yield messages in the data's order. Numbers are the file's own doubles, so features come out bit-equal."""
    for row, time_s, numeric, amount_minor in zip(
        data.row.tolist(), data.time_s.tolist(), data.numeric.tolist(), data.amount_minor.tolist(), strict=True
    ):
        yield Transaction(
            transaction_id=str(row),
            card_id=card_id(row),
            event_time_ms=event_time_ms(time_s),
            amount_minor=amount_minor,
            currency=CURRENCY,
            features=dict(zip(NUMERIC, numeric, strict=True)),
        )


def _salted(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8, key=_CARD_SALT).digest()
