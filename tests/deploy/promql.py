"""Just enough of PromQL to tell which metrics an expression asks for."""

import re

#: What is quoted or in braces (label matchers), ranges and offsets, and lists of labels: no metrics in there.
_NO_METRICS = (
    r'"[^"]*"',
    r"\{[^{}]*\}",
    r"\[[^\]]*\]",
    r"\boffset\s+\w+",
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)",
)
_WORDS = {"and", "or", "unless", "bool", "inf", "nan"}


def metrics_of(expression: str) -> set[str]:
    """Return the names of the series that an expression selects; functions are what a bracket follows.

    >>> sorted(metrics_of('sum by (job) (rate(a_total{x="b_total"}[5m])) / on (job) slo:b:ratio or vector(0) > 2'))
    ['a_total', 'slo:b:ratio']
    """
    for pattern in _NO_METRICS:
        expression = re.sub(pattern, " ", expression)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", expression)) - _WORDS
