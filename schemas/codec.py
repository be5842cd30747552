"""Decodes transactions. Decoders are built once for each champion; the hot path only calls them."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.messages import Transaction
from schemas.validation_error import violation


class _FeatureNames(msgspec.Struct):
    features: dict[str, msgspec.Raw]


_names_decoder = msgspec.json.Decoder(_FeatureNames)


class TransactionCodec:
    """Decodes transactions that carry one champion's features, plus the features that only challengers use.

    The champion's features must be present: numeric ones are numbers or null, categorical ones strings or null. Extra
    features may be absent or have any value, because a challenger must never make the champion reject a transaction. If
    a key occurs twice, its last value is used.

    `Transaction.features` is a struct with its fields in the order (numeric, categorical, extra), so
    `msgspec.structs.astuple` turns it into the raw feature row. Extra fields are `msgspec.Raw`, empty if absent.

    Args:
        numeric: Names of the champion's numeric features.
        extra: Names of features that only challengers use.
        categorical: Names of the champion's categorical features.
        max_bytes: Maximum size of a transaction, in bytes; a larger transaction is rejected.
    """

    MAX_UNKNOWN_NAMES = 50
    MAX_NAME_LENGTH = 128

    def __init__(
        self, numeric: Sequence[str], extra: Sequence[str] = (), *, categorical: Sequence[str] = (), max_bytes: int
    ) -> None:
        # Feature names are JSON keys and need not be Python identifiers, so the fields get neutral names.
        # `rename` maps these to the JSON keys.
        fields: list[Any] = [(f"n{i}", float | None) for i in range(len(numeric))]
        fields += [(f"c{i}", str | None) for i in range(len(categorical))]
        fields += [(f"x{i}", msgspec.Raw, msgspec.Raw()) for i in range(len(extra))]
        rename = {field[0]: name for field, name in zip(fields, (*numeric, *categorical, *extra), strict=True)}
        self._strict = _decoder(fields, rename, forbid_unknown_fields=True)
        self._lenient = _decoder(fields, rename, forbid_unknown_fields=False)
        self._feature_names = frozenset(rename.values())
        self._max_bytes = max_bytes
        self._unknown: Counter[str] = Counter()
        self._unknown_lock = threading.Lock()  # parts of a batch are decoded on several threads

    @property
    def unknown_features(self) -> dict[str, int]:
        """Number of decoded transactions that contained each feature unknown to every model, by feature name.

        The sender chooses the names, so at most `MAX_UNKNOWN_NAMES` names of at most `MAX_NAME_LENGTH` characters are
        kept; all others are counted together as "other".
        """
        with self._unknown_lock:
            return dict(self._unknown)

    def decode(self, raw: bytes | None) -> Transaction[Any]:
        """Decode one transaction.

        Raises:
            RefusedMessageError: If the message is not a valid transaction; the error carries the dead-letter reason.
        """
        if not raw:
            raise RefusedMessageError(DeadLetterReason.EMPTY, "the message has no value")
        if len(raw) > self._max_bytes:
            detail = f"{len(raw)} bytes, the limit is {self._max_bytes} (FRAUD_SCORING_MAX_TRANSACTION_BYTES)"
            raise RefusedMessageError(DeadLetterReason.TOO_LARGE, detail)
        try:
            return self._strict.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # An unknown name is not an error, so decode again without checking names. Only senders of unknown names
            # pay for the second pass.
            return self._decode_leniently(raw)

    def _decode_leniently(self, raw: bytes) -> Transaction[Any]:
        try:
            transaction = self._lenient.decode(raw)
        except msgspec.ValidationError as error:
            raise _wrong_shape(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_json(raw, str(error)) from error
        self._count_unknown(raw)
        return transaction

    def _count_unknown(self, raw: bytes) -> None:
        try:
            names = _names_decoder.decode(raw).features.keys() - self._feature_names
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # an ignored name that is not UTF-8
            names = {"other"}
        with self._unknown_lock:
            for name in names:
                fits = len(self._unknown) < self.MAX_UNKNOWN_NAMES and len(name) <= self.MAX_NAME_LENGTH
                self._unknown[name if fits or name in self._unknown else "other"] += 1


def _decoder(
    fields: list[Any], rename: dict[str, str], *, forbid_unknown_fields: bool
) -> msgspec.json.Decoder[Transaction[Any]]:
    features = msgspec.defstruct(
        "Features", fields, rename=rename, frozen=True, gc=False, forbid_unknown_fields=forbid_unknown_fields
    )
    return msgspec.json.Decoder(Transaction[features])  # type: ignore[valid-type]  # made at run time


def _wrong_shape(text: str) -> RefusedMessageError:
    reason, field, unknown_value = violation(text)
    if unknown_value:  # schema_version is the only enum in a transaction
        reason, text = DeadLetterReason.SCHEMA_VERSION, "unknown schema_version; send 1"
    elif reason is DeadLetterReason.MISSING_FIELD and field is not None and field.startswith("features."):
        reason = DeadLetterReason.MISSING_FEATURE
    return RefusedMessageError(reason, text, field)


def not_json(raw: bytes, text: str) -> RefusedMessageError:
    """Return the error that says why bytes are not valid JSON.

    Args:
        raw: Bytes of the message.
        text: Text of msgspec's error, which becomes the detail unless a more precise cause is found.
    """
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return RefusedMessageError(DeadLetterReason.NOT_UTF8, f"byte {error.start} is not UTF-8")
    constants: list[str] = []
    try:
        json.loads(decoded, parse_constant=constants.append)
    except (ValueError, RecursionError):
        return RefusedMessageError(DeadLetterReason.NOT_JSON, text)
    # Python's json writes NaN and Infinity by default, which no other reader accepts, so name the constant.
    detail = f"{constants[0]} is not JSON; send null" if constants else text
    return RefusedMessageError(DeadLetterReason.NOT_FINITE if constants else DeadLetterReason.NOT_JSON, detail)
