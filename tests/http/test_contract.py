"""The contract under fire: whatever is sent, nothing breaks, and what is answered is what the description says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from stream.http.keys import SCOPES, add_key, make_key
from stream.settings import Settings
from tests.http.test_predict import REFUSED
from tests.support.http_process import HttpProcess
from tests.support.traffic import transaction

#: Which features a transaction must have is the champion's business, and no description's; and as on Kafka, what nobody
#: asks for (names, parameters) is let pass.
LEFT_OUT: Any = [positive_data_acceptance, negative_data_rejection]
#: Requests for each operation.
EXAMPLES = 60


def test_nothing_that_is_sent_breaks_it(
    make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess], tmp_path: Path
) -> None:
    """Valid and invalid requests made from the description itself: no 5xx, and answers as it says."""
    key, kept = make_key("fuzz", SCOPES)
    add_key(tmp_path / "keys.json", kept)
    edge = start_edge(make_http_settings(http_keys=str(tmp_path / "keys.json")))
    base = str(edge.client.base_url).rstrip("/")
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    headers = {"Authorization": f"Bearer {key}"}
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an error would have no such method, and end the test
        cases = st.one_of(
            operation.as_strategy(), operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        )

        @given(case=cases)
        @settings(
            max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(base_url=base, headers=headers, excluded_checks=LEFT_OUT)

        ask()


@given(
    body=st.binary(max_size=300)
    | st.sampled_from([transaction(1), *(row[0] for row in REFUSED)]).flatmap(
        lambda good: st.tuples(st.integers(0, max(len(good) - 1, 0)), st.binary(max_size=4)).map(
            lambda cut: good[: cut[0]] + cut[1] + good[cut[0] + 1 :]
        )
    )
)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_broken_bytes_are_refused(edge: HttpProcess, body: bytes) -> None:
    """Bytes of any kind, and good ones with a few changed: a decision, or a problem that says what is wrong."""
    reply = edge.ask(body)
    assert reply.status_code in {200, 400, 409, 413, 422}
    assert reply.is_success or reply.json()["detail"]
