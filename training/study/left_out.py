"""Entries that a study left out, as they are stored with its MLflow run."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct


class LeftOut(Struct, frozen=True):
    """Why an entry was not run or not completed.

    Attributes:
        reason: Reason in human-readable form.
        failed: Whether fitting the entry failed, so that another run would fail too.
    """

    reason: str
    failed: bool = False


def encode_left_out(left_out: Mapping[str, LeftOut]) -> str:
    """Encode the left-out entries by key as JSON."""
    return msgspec.json.encode(left_out).decode()


def decode_left_out(text: str) -> dict[str, LeftOut]:
    """Decode the left-out entries by key from JSON.

    Earlier versions stored only the reason; such an entry does not count as failed, so a resumed study runs it again.

    >>> decode_left_out('{"net/none": "no time was left"}')
    {'net/none': LeftOut(reason='no time was left', failed=False)}
    """
    stored = msgspec.json.decode(text, type=dict[str, LeftOut | str])
    return {key: LeftOut(value) if isinstance(value, str) else value for key, value in stored.items()}
