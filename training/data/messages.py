"""Convert training data to messages as the stream receives them, one message per row."""

from collections.abc import Iterator

from schemas.messages import FeatureValue, Transaction
from training.data.dataset import Dataset


def transactions(data: Dataset) -> Iterator[Transaction[dict[str, FeatureValue]]]:
    """Yield messages in the order of the data, with the numbers in the file, so that features are bit-identical."""
    names = data.frame.columns
    for transaction_id, card, time, amount_minor, currency, values in zip(
        data.transaction_id.tolist(),
        data.card_id.tolist(),
        data.event_time_ms.tolist(),
        data.amount_minor.tolist(),
        data.currency.tolist(),
        data.frame.iter_rows(),
        strict=True,
    ):
        yield Transaction(
            transaction_id=transaction_id,
            card_id=card,
            event_time_ms=time,
            amount_minor=amount_minor,
            currency=currency,
            features=dict(zip(names, values, strict=True)),
        )
