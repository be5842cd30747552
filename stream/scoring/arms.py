"""Random draws by hash: the arm that decides about a card, and the would-be declines that exploration lets through.

A replay repeats every draw. A card stays in its arm as long as shares and salt stay the same: the draw is `u < share`
for a uniform `u` computed from the card's hash. The first challenger takes [0, share₁), the next
[share₁, share₁ + share₂), and the champion the rest.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

#: Values of a decision's `arm`.
CHAMPION, CHALLENGER, FALLBACK, EXPLORATION = "champion", "challenger", "fallback", "exploration"
_BYTES = 8


def uniform(purpose: str, salt: str, keys: Sequence[str]) -> NDArray[np.float64]:
    """Return (n,) uniform numbers in [0, 1), determined by purpose, salt and key alone.

    Args:
        purpose: Name of the draw; different purposes make independent draws over the same keys.
        salt: Salt of the assignment of roles; a different salt makes an independent draw.
        keys: n strings.

    >>> uniform("card", "autumn", ["a", "b"]).round(3).tolist()
    [0.561, 0.465]
    """
    prefix = blake2b(f"{purpose}\0{salt}\0".encode(), digest_size=_BYTES)
    digests = bytearray()
    for key in keys:
        hashed = prefix.copy()
        hashed.update(key.encode())
        digests += hashed.digest()
    # The highest 53 bits: as many as a double below 1 represents exactly.
    return (np.frombuffer(digests, dtype=">u8") >> np.uint64(11)) / np.float64(2**53)


def draw_arms(shares: Sequence[float], salt: str, cards: Sequence[str]) -> NDArray[np.intp]:
    """Return (n,) the arm of each card: 0 for the champion, k for the k-th challenger.

    Args:
        shares: Share of each challenger, 0 if it only shadows; their sum is below 1.
        salt: Salt of the assignment of roles.
        cards: n card ids.
    """
    edges = np.cumsum(shares)
    arms = np.searchsorted(edges, uniform("card", salt, cards), side="right") + 1
    return np.where(arms > len(shares), 0, arms).astype(np.intp)


def draw_explored(share: float, salt: str, transactions: Sequence[str]) -> NDArray[np.bool_]:
    """Return (n,) which would-be declines are let through.

    Args:
        share: Probability of letting a would-be decline through, in [0, 1].
        salt: Salt of the assignment of roles.
        transactions: n transaction ids.
    """
    return uniform("transaction", salt, transactions) < share
