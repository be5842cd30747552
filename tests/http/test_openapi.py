"""Fuzzing against the OpenAPI description: no request breaks the edge, and every response matches the description."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from stream.http.api_keys import SCOPES, add_key, make_key
from stream.settings import Settings
from tests.http.test_predict import REFUSED
from tests.support.http_process import HttpProcess
from tests.support.traffic import transaction

#: Checks that do not apply: the description cannot state which features the champion requires, and unknown names and
#: parameters are ignored, as on Kafka.
EXCLUDED_CHECKS: Any = [positive_data_acceptance, negative_data_rejection]
#: Number of generated requests per operation.
EXAMPLES = 60


def test_generated_requests_get_the_described_responses(
    make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess], tmp_path: Path
) -> None:
    """Valid and invalid requests generated from the description get responses that match it, and never a 5xx."""
    key, entry = make_key("fuzz", SCOPES)
    add_key(tmp_path / "keys.json", entry)
    edge = start_edge(make_http_settings(http_keys=str(tmp_path / "keys.json")))
    base = str(edge.client.base_url).rstrip("/")
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    headers = {"Authorization": f"Bearer {key}"}
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # an error has no such method and fails the test
        cases = st.one_of(
            operation.as_strategy(), operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        )

        @given(case=cases)
        @settings(
            max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
        )
        def send(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(base_url=base, headers=headers, excluded_checks=EXCLUDED_CHECKS)

        send()


@given(
    body=st.binary(max_size=300)
    | st.sampled_from([transaction(1), *(row[0] for row in REFUSED)]).flatmap(
        lambda good: st.tuples(st.integers(0, max(len(good) - 1, 0)), st.binary(max_size=4)).map(
            lambda cut: good[: cut[0]] + cut[1] + good[cut[0] + 1 :]
        )
    )
)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_corrupt_bodies_are_refused(edge: HttpProcess, body: bytes) -> None:
    """Arbitrary bytes, and valid bodies with a few bytes changed, get a decision or problem details."""
    response = edge.predict(body)
    assert response.status_code in {200, 400, 409, 413, 422}
    assert response.is_success or response.json()["detail"]
