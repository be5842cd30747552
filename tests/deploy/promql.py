"""A minimal PromQL parser that finds the metrics in an expression and the labels by which they are selected."""

import re

#: Parts without metrics: quoted text, label matchers, ranges, offsets and lists of labels.
_NO_METRICS = (
    r'"[^"]*"',
    r"\{[^{}]*\}",
    r"\[[^\]]*\]",
    r"\boffset\s+\w+",
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)",
)
_WORDS = {"and", "or", "unless", "bool", "inf", "nan"}


def metrics_of(expression: str) -> set[str]:
    """Return the names of the series that an expression selects; a name before a bracket is a function.

    >>> sorted(metrics_of('sum by (job) (rate(a_total{x="b_total"}[5m])) / on (job) slo:b:ratio or vector(0) > 2'))
    ['a_total', 'slo:b:ratio']
    """
    for pattern in _NO_METRICS:
        expression = re.sub(pattern, " ", expression)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", expression)) - _WORDS


def labels_of(text: str) -> dict[str, set[str]]:
    """Return the labels in each series's matchers, by series name.

    >>> labels_of('rate(a_total{x="1", y!~"b{2}"}[5m]) > b and c{z="3"}') == {"a_total": {"x", "y"}, "c": {"z"}}
    True
    """
    labels: dict[str, set[str]] = {}
    for name, matchers in re.findall(r"\b([a-zA-Z_:][\w:]*)\{([^{}]*)\}", re.sub(r'"[^"]*"', '""', text)):
        labels.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]", matchers))
    return labels
