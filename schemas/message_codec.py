"""Decodes any message other than a transaction, or says why it becomes a dead letter.

Transactions have a codec of their own (`schemas.codec`), made for one champion's features.
"""

from typing import Generic, TypeVar

import msgspec

from schemas.codec import not_json
from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.validation_error import violation

MessageT = TypeVar("MessageT", bound=msgspec.Struct)

#: Range of a signed 64-bit integer, the largest that a database column can store.
_INT64 = range(-(2**63), 2**63)


class MessageCodec(Generic[MessageT]):
    """Decodes messages of one type.

    Args:
        kind: Type of struct to decode messages into.
    """

    def __init__(self, kind: type[MessageT]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._integers = tuple(field.name for field in msgspec.structs.fields(kind) if _is_integer(field.type))

    def decode(self, raw: bytes | None) -> MessageT:
        """Decode one message.

        Raises:
            RefusedMessageError: If the bytes are not a valid message; the error carries the dead-letter reason.
        """
        if not raw:
            raise RefusedMessageError(DeadLetterReason.EMPTY, "the message has no value")
        try:
            message = self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise _wrong_shape(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise not_json(raw, str(error)) from error
        self._refuse_unstorable(raw, message)
        return message

    def _refuse_unstorable(self, raw: bytes, message: MessageT) -> None:
        # JSON allows NUL characters and larger integers, but SQL does not. One such message must not block the rest of
        # its partition for ever.
        if rb"\u0000" in raw:
            detail = "the message contains a NUL character, which SQL text cannot store"
            raise RefusedMessageError(DeadLetterReason.OUT_OF_RANGE, detail)
        for name in self._integers:
            value = getattr(message, name)
            if value is not None and value not in _INT64:
                raise RefusedMessageError(DeadLetterReason.OUT_OF_RANGE, f"{name} does not fit in 64 bits", name)


def _is_integer(annotation: object) -> bool:
    kind = msgspec.inspect.type_info(annotation)
    kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    return any(isinstance(each, msgspec.inspect.IntType) for each in kinds)


def _wrong_shape(text: str) -> RefusedMessageError:
    reason, field, unknown_value = violation(text)
    if unknown_value:
        # msgspec quotes the sender's value here. The value may be anything, so it is not passed on.
        if field == "schema_version":
            reason = DeadLetterReason.SCHEMA_VERSION
        text = f"{field or 'the message'} has an unknown value; upgrade this program or its sender"
    return RefusedMessageError(reason, text, field)
