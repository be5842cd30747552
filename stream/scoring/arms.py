"""Random draws by hash: the arm that decides on a card, and the would-be declines that exploration lets through.

A replay repeats every draw. A card stays in its arm as long as the shares and the salt stay the same, because the arm
follows from a uniform number `u` computed from the card's hash: the first challenger gets the cards with `u` in
[0, share₁), the next challenger those in [share₁, share₁ + share₂), and the champion the remaining cards.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

#: Possible values of a decision's `arm`.
CHAMPION, CHALLENGER, FALLBACK, EXPLORATION = "champion", "challenger", "fallback", "exploration"
_BYTES = 8


def uniform(purpose: str, salt: str, keys: Sequence[str]) -> NDArray[np.float64]:
    """Return (n,) uniform numbers in [0, 1) that depend only on the purpose, the salt and the keys.

    Args:
        purpose: Name of the draw; draws for different purposes are independent even for the same keys.
        salt: Salt of the assignment of roles; draws with different salts are independent.
        keys: n strings to draw a number for, such as card ids.

    >>> uniform("card", "autumn", ["a", "b"]).round(3).tolist()
    [0.561, 0.465]
    """
    prefix = blake2b(f"{purpose}\0{salt}\0".encode(), digest_size=_BYTES)
    digests = bytearray()
    for key in keys:
        hashed = prefix.copy()
        hashed.update(key.encode())
        digests += hashed.digest()
    # Use the highest 53 bits, as many as a double below 1 can represent exactly.
    return (np.frombuffer(digests, dtype=">u8") >> np.uint64(11)) / np.float64(2**53)


def draw_arms(shares: Sequence[float], salt: str, cards: Sequence[str]) -> NDArray[np.intp]:
    """Return the (n,) arms of the cards: 0 for the champion, k for the k-th challenger.

    Args:
        shares: Share of the cards that each challenger decides, 0 if it only shadows; the sum must be below 1.
        salt: Salt of the assignment of roles.
        cards: n card ids.
    """
    edges = np.cumsum(shares)
    arms = np.searchsorted(edges, uniform("card", salt, cards), side="right") + 1
    return np.where(arms > len(shares), 0, arms).astype(np.intp)


def draw_explored(share: float, salt: str, transactions: Sequence[str]) -> NDArray[np.bool_]:
    """Return (n,) whether each would-be decline is let through.

    Args:
        share: Probability of letting a would-be decline through, in [0, 1].
        salt: Salt of the assignment of roles.
        transactions: n ids of transactions.
    """
    return uniform("transaction", salt, transactions) < share
