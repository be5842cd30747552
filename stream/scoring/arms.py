"""Who decides about a card, and which would-be decline is let through: drawn by hashes, so that a replay draws again.

A card stays with its arm for as long as shares and salt stay: `P(u < share)` of a uniform `u` made of the card's hash.
The first challenger of a split takes [0, share₁), the next [share₁, share₁ + share₂), the champion the rest.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

#: In a decision's `arm`.
CHAMPION, CHALLENGER, FALLBACK, EXPLORATION = "champion", "challenger", "fallback", "exploration"
_BYTES = 8


def uniform(purpose: str, salt: str, keys: Sequence[str]) -> NDArray[np.float64]:
    """Return (n,) numbers in [0, 1), the same for the same purpose, salt and key wherever and whenever.

    Args:
        purpose: Keeps two draws over the same keys independent of each other.
        salt: Another one draws anew.
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
    # The highest 53 bits: as many as a double below 1 holds exactly.
    return (np.frombuffer(digests, dtype=">u8") >> np.uint64(11)) / np.float64(2**53)


def draw_arms(shares: Sequence[float], salt: str, cards: Sequence[str]) -> NDArray[np.intp]:
    """Return (n,) who decides about each card: 0 the champion, k the k-th of the challengers with these shares.

    Args:
        shares: Of the challengers, 0 where one only watches; together below 1.
        salt: Of the assignment of roles.
        cards: n card ids.
    """
    edges = np.cumsum(shares)
    arms = np.searchsorted(edges, uniform("card", salt, cards), side="right") + 1
    return np.where(arms > len(shares), 0, arms).astype(np.intp)


def draw_explored(share: float, salt: str, transactions: Sequence[str]) -> NDArray[np.bool_]:
    """Return (n,) which of these transactions' would-be declines are let through."""
    return uniform("transaction", salt, transactions) < share
