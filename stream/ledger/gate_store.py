"""Stores the gate's tests: plans and the evidence from cohorts are written once and never changed."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, insert, select, update

from stream.evaluation.evidence import Evidence
from stream.evaluation.gate import GateResult
from stream.evaluation.plan import Plan
from stream.ledger.database import reading, writing
from stream.ledger.history import ModelIdentity
from stream.ledger.tables import gate_evidence, gate_tests

_FinalVerdict = Literal["promote", "keep"]

_plan = msgspec.json.Decoder(Plan)
_evidence = msgspec.json.Decoder(Evidence)
_judgement = msgspec.json.Decoder(GateResult)


class GateTest(Struct, frozen=True):
    """A test of one challenger against one champion."""

    #: Number of the test, counted from 1 in the order in which plans were frozen.
    number: int
    champion: ModelIdentity
    challenger: ModelIdentity
    plan: Plan
    #: UTC milliseconds.
    frozen_at_ms: int
    #: Final verdict; None while the test continues.
    verdict: _FinalVerdict | None
    #: Newest result; None before the first cohort has closed.
    judgement: GateResult | None


class GateStore:
    """Reads and writes gate tests.

    Every method raises LedgerUnavailableError if the database is not responding.

    Args:
        engine: Migrated ledger database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tests(self) -> list[GateTest]:
        """Return all tests that were ever begun, in order of their numbers."""
        with reading(self._engine) as connection:
            return _tests(connection)

    def evidence(self, test: GateTest) -> list[Evidence]:
        """Return the evidence from a test's closed cohorts, in order of event time."""
        query = select(gate_evidence.c.evidence).where(gate_evidence.c.test_number == test.number)
        with reading(self._engine) as connection:
            bodies = connection.execute(query.order_by(gate_evidence.c.start_ms)).scalars()
            return [_evidence.decode(body) for body in bodies]

    def begin(self, champion: ModelIdentity, challenger: ModelIdentity, plan: Plan, *, after: int, now_ms: int) -> bool:
        """Store a frozen plan, unless another test has begun in the meantime and spent some of the alpha.

        Args:
            champion: Champion of the test.
            challenger: Challenger of the test.
            plan: Frozen plan, with the alpha that is left after `after` tests.
            after: Number of tests when the plan was made.
            now_ms: Current time, UTC milliseconds.

        Returns:
            Whether the plan was stored.
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

    def add_evidence(
        self, test: GateTest, taken: Sequence[Evidence], result: GateResult, *, after: int, now_ms: int
    ) -> bool:
        """Store newly closed cohorts and the result over all cohorts, unless another ledger has already stored some.

        Args:
            test: A test that had no result when it was read.
            taken: Evidence from the newly closed cohorts, in order of event time.
            result: Result over all cohorts.
            after: Number of cohorts that were stored when `taken` was computed.
            now_ms: Current time, UTC milliseconds.

        Returns:
            Whether the evidence was stored.
        """
        stored = select(gate_evidence.c.start_ms).where(gate_evidence.c.test_number == test.number)
        rows = [
            {
                "test_number": test.number,
                "start_ms": each.start_ms,
                "evidence": msgspec.json.encode(each).decode(),
                "taken_at_ms": now_ms,
            }
            for each in taken
        ]
        verdict = None if result.verdict == "continue" else result.verdict
        judged = {"judgement": msgspec.json.encode(result).decode(), "judged_at_ms": now_ms, "verdict": verdict}
        with writing(self._engine) as connection:
            if len(connection.execute(stored).all()) != after:
                return False
            connection.execute(insert(gate_evidence), rows)
            connection.execute(update(gate_tests).where(gate_tests.c.number == test.number).values(judged))
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
