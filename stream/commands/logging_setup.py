"""Sets up logging to stderr: text on a terminal, otherwise one JSON object per line."""

import logging
import sys

import structlog

from stream.settings import Settings


def set_up_logging(settings: Settings) -> None:
    """Log to stderr. From Faust, log only warnings and errors; its other log lines report every service it starts.

    Log lines may name a transaction by its id, but never a feature or a card.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    if _as_text(settings):
        # Tracebacks without local variables, which may contain card data or keys.
        rendering = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.getLogger("stream").setLevel(settings.log.level)
    logging.basicConfig(level=settings.log.level, handlers=[handler])
    for name in ("faust", "mode", "alembic", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # aiokafka logs ten lines a second while Kafka is unavailable. It only sends worker-status, whose failures we log.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _as_text(settings: Settings) -> bool:
    return settings.log.format == "text" or (settings.log.format == "auto" and sys.stderr.isatty())
