"""A look at the test part: what it found, and the how-manieth it was."""

import msgspec
from msgspec import Struct

from schemas.manifest import Metric


class Examined(Struct, frozen=True):
    """One model's figures on the test part, each with its 95 % bootstrap interval."""

    #: The study's entry, or the registered model's version.
    name: str
    algorithm: str
    metrics: dict[str, Metric]


class Look(Struct, frozen=True):
    """One look. Every one after the first makes the test part a little less unseen, so all are counted and kept."""

    #: Starts at 1: looks at this study's test part, this one among them.
    number: int
    looked_at_ms: int
    selected: Examined
    #: None where no champion was registered.
    champion: Examined | None = None
    #: Selected less champion by figure, from a paired bootstrap: both on the same resampled rows.
    differences: dict[str, Metric] = {}
    #: Why a champion that was registered is not here; empty where none is missing.
    left_out: str = ""


def encode_look(look: Look) -> bytes:
    """Write a look as JSON."""
    return msgspec.json.format(msgspec.json.encode(look), indent=1)


def decode_look(raw: bytes) -> Look:
    """Read a look."""
    return msgspec.json.decode(raw, type=Look)
