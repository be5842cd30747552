"""Field types that several messages share, with their ranges."""

from typing import Annotated, Literal

from msgspec import Meta

Verdict = Literal["approve", "review", "decline"]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Epoch = Annotated[int, Meta(ge=1, description="increases by 1 with each change of roles")]
# The maximum lengths beside the patterns are needed because `$` also matches before a final line feed.
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
# 9999-12-31: later than any clock that is merely wrong, and still a valid date in every language.
EventTimeMs = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="UTC milliseconds since 1970")]
# 10^15 minor units: above any card payment, and below the point where a double no longer represents every integer.
AmountMinor = Annotated[int, Meta(ge=0, le=10**15, description="integer minor units of the currency")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217")]
FeatureValue = float | str | None
Count = Annotated[int, Meta(ge=0)]
