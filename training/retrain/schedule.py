"""Decide whether a champion is so old that a new model is requested, regardless of its metrics."""

from collections.abc import Iterable

from schemas.messages import RetrainRequest

DAY_MS = 86_400_000


def overdue(
    made_at_ms: int, bundle_sha256: str, requests: Iterable[RetrainRequest], *, every_days: float, now_ms: int
) -> str | None:
    """Return the reason to replace a champion because of its age, or None while it is recent enough.

    The age is counted from the creation of the champion or of the newest challenger made to replace it, because that
    challenger is still waiting for the gate, and a further model would be fitted on little more data.

    Args:
        made_at_ms: Creation time of the champion, UTC milliseconds.
        bundle_sha256: SHA-256 of the champion's bundle.
        requests: All requests on the topic.
        every_days: Age in days after which the champion is to be replaced.
        now_ms: Current time, UTC milliseconds.

    >>> overdue(0, "a" * 64, [], every_days=30, now_ms=31 * DAY_MS)
    'the newest model made to decide is 31.0 days old; at most 30 are allowed'
    """
    answers = [request.answer for request in requests if request.bundle_sha256 == bundle_sha256]
    made = [answer.answered_at_ms for answer in answers if answer is not None and answer.outcome == "challenger"]
    days = (now_ms - max([made_at_ms, *made])) / DAY_MS
    if days <= every_days:
        return None
    return f"the newest model made to decide is {days:.1f} days old; at most {every_days:g} are allowed"
