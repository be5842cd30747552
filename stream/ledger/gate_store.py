"""The gate's tests as they are kept: a plan and each cohort's evidence are written once and never changed."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, insert, select, update

from stream.evaluation.evidence import Evidence
from stream.evaluation.gate import Judgement
from stream.evaluation.plan import Plan
from stream.ledger.database import reading, writing
from stream.ledger.history import ModelIdentity
from stream.ledger.tables import gate_evidence, gate_tests

_JUDGED = Literal["promote", "keep"]

_plan = msgspec.json.Decoder(Plan)
_evidence = msgspec.json.Decoder(Evidence)
_judgement = msgspec.json.Decoder(Judgement)


class GateTest(Struct, frozen=True):
    """A test of one challenger against one champion."""

    #: From 1, in the order in which plans were frozen.
    number: int
    champion: ModelIdentity
    challenger: ModelIdentity
    plan: Plan
    frozen_at_ms: int
    #: None while it goes on.
    verdict: _JUDGED | None
    #: The newest; None before the first cohort has closed.
    judgement: Judgement | None


class GateStore:
    """Reads and writes tests.

    Every method raises LedgerAwayError when the database does not answer.

    Args:
        engine: The ledger's database, up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tests(self) -> list[GateTest]:
        """Return all tests there ever were, in order."""
        with reading(self._engine) as connection:
            return _tests(connection)

    def evidence(self, test: GateTest) -> list[Evidence]:
        """Return what its closed cohorts said, in order of time."""
        asked = select(gate_evidence.c.evidence).where(gate_evidence.c.test_number == test.number)
        with reading(self._engine) as connection:
            found = connection.execute(asked.order_by(gate_evidence.c.start_ms)).scalars()
            return [_evidence.decode(each) for each in found]

    def begin(self, champion: ModelIdentity, challenger: ModelIdentity, plan: Plan, *, after: int, now_ms: int) -> bool:
        """Keep a frozen plan; False when another test was begun since, which has spent some of the level.

        Args:
            champion: Of the test.
            challenger: Of the test.
            plan: Its level follows from the tests before it.
            after: How many tests there were then.
            now_ms: UTC milliseconds.
        """
        row = {
            "number": after + 1,
            "champion_sha256": champion.bundle_sha256,
            "champion_policy": champion.policy_version,
            "challenger_sha256": challenger.bundle_sha256,
            "challenger_policy": challenger.policy_version,
            "plan": msgspec.json.encode(plan).decode(),
            "frozen_at_ms": now_ms,
        }
        with writing(self._engine) as connection:
            if len(_tests(connection)) != after:
                return False
            connection.execute(insert(gate_tests), row)
        return True

    def keep(self, test: GateTest, taken: Sequence[Evidence], judgement: Judgement, *, known: int, now_ms: int) -> bool:
        """Keep newly closed cohorts and what follows from all; False when somebody else kept some meanwhile.

        Args:
            test: It goes on, or did.
            taken: Of newly closed cohorts, in order.
            judgement: On all cohorts.
            known: How many cohorts there were before.
            now_ms: UTC milliseconds.
        """
        counted = select(gate_evidence.c.start_ms).where(gate_evidence.c.test_number == test.number)
        rows = [
            {
                "test_number": test.number,
                "start_ms": each.start_ms,
                "evidence": msgspec.json.encode(each).decode(),
                "taken_at_ms": now_ms,
            }
            for each in taken
        ]
        verdict = None if judgement.verdict == "continue" else judgement.verdict
        found = {"judgement": msgspec.json.encode(judgement).decode(), "judged_at_ms": now_ms, "verdict": verdict}
        with writing(self._engine) as connection:
            if len(connection.execute(counted).all()) != known:
                return False
            connection.execute(insert(gate_evidence), rows)
            connection.execute(update(gate_tests).where(gate_tests.c.number == test.number).values(found))
        return True


def _tests(connection: Connection) -> list[GateTest]:
    return [_test(row) for row in connection.execute(select(gate_tests).order_by(gate_tests.c.number))]


def _test(row: Row[Any]) -> GateTest:
    return GateTest(
        row.number,
        ModelIdentity(row.champion_sha256, row.champion_policy),
        ModelIdentity(row.challenger_sha256, row.challenger_policy),
        _plan.decode(row.plan),
        row.frozen_at_ms,
        row.verdict,
        _judgement.decode(row.judgement) if row.judgement else None,
    )
