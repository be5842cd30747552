"""Requests for new models and the answers to them, on the topic `retrain-requests`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.fields import EventTimeMs, Identifier, Sha256


class RetrainAnswer(Struct, frozen=True):
    """The answer to a request for a new model."""

    #: challenger: a new model is in shadow mode. declined: there is no new model.
    outcome: Literal["challenger", "declined"]
    #: One line: which model was trained, or why none was.
    why: str
    answered_at_ms: EventTimeMs


class RetrainRequest(Struct, frozen=True):
    """A request for a model to replace a champion.

    A request stays open until it is written to the topic a second time, unchanged except for its answer.
    """

    #: Id chosen by the sender; messages with the same id are the same request.
    request_id: Identifier
    #: drift: the inputs moved. performance: labels show that the champion errs more often. schedule: the champion is
    #: old. hand: a person requested it.
    cause: Literal["drift", "performance", "schedule", "hand"]
    #: Bundle of the champion to be replaced.
    bundle_sha256: Sha256
    #: Reason in one line, for people to read.
    why: Annotated[str, Meta(min_length=1, max_length=1000)]
    asked_at_ms: EventTimeMs
    #: Program or person that requested the model.
    author: Identifier
    #: None while the request is open.
    answer: RetrainAnswer | None = None
    #: Version of the message's format.
    schema_version: Literal[1] = 1
