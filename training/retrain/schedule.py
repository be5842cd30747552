"""When a champion has become so old that a new one is asked for, whatever the figures say."""

from collections.abc import Iterable

from schemas.messages import RetrainRequest

DAY_MS = 86_400_000


def overdue(
    made_at_ms: int, bundle_sha256: str, requests: Iterable[RetrainRequest], *, every_days: float, now_ms: int
) -> str | None:
    """Return why a champion is due, None while it is not.

    The days run from when it was made, or from the newest challenger that was made in its stead: that one waits for
    the gate, and another would know little that it does not know.

    Args:
        made_at_ms: When the champion was made, UTC milliseconds.
        bundle_sha256: Its bundle.
        requests: All that are on the topic.
        every_days: Age at which it is due.
        now_ms: UTC milliseconds.

    >>> overdue(0, "a" * 64, [], every_days=30, now_ms=31 * DAY_MS)
    'the newest model made for its place is 31.0 days old, 30 are allowed'
    """
    answers = [request.answer for request in requests if request.bundle_sha256 == bundle_sha256]
    made = [answer.answered_at_ms for answer in answers if answer is not None and answer.outcome == "challenger"]
    days = (now_ms - max([made_at_ms, *made])) / DAY_MS
    if days <= every_days:
        return None
    return f"the newest model made for its place is {days:.1f} days old, {every_days:g} are allowed"
