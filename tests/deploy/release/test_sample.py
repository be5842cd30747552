"""Reading an instance's metrics page."""

import pytest

from deploy.release.sample import parse_sample
from deploy.release.tracks import Program
from stream.http.metrics import HttpMetrics
from stream.worker.metrics import WorkerMetrics

PAGE = """
# TYPE program_ready gauge
program_ready 1
# TYPE fraud_predictions_total counter
fraud_predictions_total{verdict="approve"} 90
fraud_predictions_total{verdict="review"} 7
fraud_predictions_total{verdict="decline"} 3
# TYPE dead_letters_total counter
dead_letters_total{reason="unscorable"} 2
dead_letters_total{reason="not_json"} 9
# TYPE http_requests_total counter
http_requests_total{route="/predict",status="200"} 50
http_requests_total{route="/predict",status="422"} 5
http_requests_total{route="/predict",status="503"} 1
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1000000
# TYPE consumer_lag_transactions gauge
consumer_lag_transactions 17
# TYPE model_score histogram
model_score_bucket{role="champion",name="fraud",version="1",policy="1",le="0.5"} 80
model_score_bucket{role="champion",name="fraud",version="1",policy="1",le="+Inf"} 100
model_score_bucket{role="challenger",name="fraud",version="2",policy="1",le="0.5"} 10
"""


def test_a_page_is_read_into_one_sample() -> None:
    """Verdicts, statuses and reasons are told apart, and only the champion's scores count."""
    sample = parse_sample("worker-0", Program.WORKER, 1.5, PAGE)
    assert (sample.instance, sample.at_s, sample.ready) == ("worker-0", 1.5, True)
    assert (sample.decided, sample.alerts, sample.unscorable) == (100, 10, 2)
    assert (sample.requests, sample.errors) == (56, 1)
    assert (sample.cpu_s, sample.memory_bytes, sample.lag) == (12.5, 1e6, 17)
    assert sample.scores == {0.5: 80, float("inf"): 100}


def test_a_page_without_these_metrics_is_a_sample_of_zeros() -> None:
    """An instance that has just started exports less."""
    sample = parse_sample("worker-0", Program.WORKER, 0.0, "")
    assert (sample.ready, sample.decided, sample.scores) == (False, 0, {})


@pytest.mark.parametrize("metrics", [WorkerMetrics, HttpMetrics])
def test_the_metrics_that_are_read_exist(metrics: "type[WorkerMetrics | HttpMetrics]") -> None:
    """Both programs export decisions and scores under the names that are read."""
    names = {family.name for family in metrics().registry.collect()}
    assert {"fraud_predictions", "model_score"} <= names
