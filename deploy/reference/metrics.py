"""docs/metrics.md: every metric, from the programs' registries."""

from deploy.reference.exported_metrics import PROCESS, Family, families
from deploy.reference.markdown import code, head, table

_INTRODUCTION = """
Each program serves its metrics at `/metrics`: the worker on port 6066, the ledger on 6068, the archive on 6070 and the
HTTP edge on 6072. [operations.md](operations.md) says which of them the objectives, alerts and dashboards use.

A histogram has the series `_bucket`, `_sum` and `_count`; `model_score` has only `_bucket`. For each counter,
`/metrics` also exports a series that ends in `_created`.
"""
_NAMES = {"worker": "worker", "http": "HTTP edge", "ledger": "ledger", "archive": "archive"}


def page() -> str:
    """Return the text of docs/metrics.md."""
    blocks = [head("Metrics", "the programs' registries", _INTRODUCTION)]
    sections: dict[tuple[str, ...], dict[str, Family]] = {}
    for name, family in families().items():
        sections.setdefault(tuple(family.programs), {})[name] = family
    everywhere = tuple(_NAMES)
    sections = {everywhere: sections.pop(everywhere) | PROCESS, **dict(sorted(sections.items(), key=_order))}
    for programs, metrics in sections.items():
        names = [_NAMES[program] for program in programs]
        title = "Every program" if programs == everywhere else " and ".join(names)
        rows = [
            [code(name), metric.kind, ", ".join(map(code, metric.labels)), metric.help]
            for name, metric in metrics.items()
        ]
        blocks.append(f"## {title[0].upper()}{title[1:]}\n\n{table(['name', 'type', 'labels', 'meaning'], rows)}\n")
    return "\n".join(blocks)


def _order(section: tuple[tuple[str, ...], dict[str, Family]]) -> list[int]:
    return [list(_NAMES).index(program) for program in section[0]]
