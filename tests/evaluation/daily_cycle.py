"""Simulated blocks from a stream whose alert rate, scores, problems and slow parts have a daily cycle."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.evaluation.blocks import BlockRows, stack_rows
from stream.scoring.score_counts import SCORE_BINS

HOURS = 24
#: Blocks in an hour, and transactions in a block.
BLOCKS, SIZE = 10, 1000
DAY = HOURS * BLOCKS
#: Number of parts that a block is split into for scoring.
PARTS = 8
#: First score bin in which transactions alert: log odds of 0.
ALERT_BIN = 21


@dataclass(frozen=True)
class Fault:
    """How a model deviates from a healthy model; by default, not at all."""

    #: Alert rate as a multiple of the healthy one.
    alerts: float = 1.0
    #: Shift of the scores in log odds.
    shift: float = 0.0
    #: Share of transactions without a score, in addition to the healthy share.
    problems: float = 0.0
    #: Share of slow parts, in addition to the healthy share.
    slow: float = 0.0


HEALTHY = Fault()


def score_shares(fault: Fault = HEALTHY) -> NDArray[np.float64]:
    """Return (HOURS, SCORE_BINS) shares of scores: log odds are normal, and their mean varies by ±0.8 over the day.

    Healthy alert rates are therefore between 0.4 and 2.4 %.
    """
    mean = -4.7 + 0.8 * np.sin(math.tau * np.arange(HOURS) / HOURS) + fault.shift
    edges = np.linspace(-12, 6, SCORE_BINS - 1)
    below = 0.5 * (1 + np.vectorize(math.erf)((edges - mean[:, None]) / (1.9 * math.sqrt(2))))
    shares: NDArray[np.float64] = np.diff(below, axis=1, prepend=0, append=1)
    alerted = shares[:, ALERT_BIN:].sum(axis=1, keepdims=True)
    shares[:, ALERT_BIN:] *= fault.alerts
    shares[:, :ALERT_BIN] *= (1 - fault.alerts * alerted) / (1 - alerted)
    return shares


def blocks(rng: np.random.Generator, first: int, count: int, fault: Fault = HEALTHY) -> BlockRows:
    """Draw `count` blocks, from block number `first` on, of a stream that starts at midnight."""
    hours = (first + np.arange(count)) // BLOCKS % HOURS
    wave = 1 + np.sin(math.tau * hours / HOURS)
    problems = rng.binomial(SIZE, 0.0005 * wave + fault.problems)
    scores = rng.multinomial(SIZE - problems, score_shares(fault)[hours])
    slow = rng.binomial(PARTS, np.minimum(0.005 * wave + fault.slow, 1))
    alerts = scores[:, ALERT_BIN:].sum(axis=1)
    counts = np.column_stack([np.full(count, SIZE), alerts, problems, np.full(count, PARTS), slow])
    return stack_rows([np.hstack([counts, scores])])
