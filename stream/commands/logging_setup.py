"""Where the programs' log lines go: to stderr, as text on a terminal and as JSON, one object a line, elsewhere."""

import logging
import sys

import structlog

from stream.settings import Settings


def set_up_logging(settings: Settings) -> None:
    """Log lines to stderr; Faust's own only from warnings on, for it narrates each service it starts.

    Lines name transactions by id, never features or cards: whoever logs sees to that.
    """
    known: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shape: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    if _as_text(settings):
        # Without local variables, which may be card data or keys.
        shape = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=known,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shape],
        )
    )
    logging.getLogger("stream").setLevel(settings.log.level)
    logging.basicConfig(level=settings.log.level, handlers=[handler])
    for name in ("faust", "mode", "alembic", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Ten lines a second while Kafka is away; what it could not send, worker-status, is logged where it is sent.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _as_text(settings: Settings) -> bool:
    return settings.log.format == "text" or (settings.log.format == "auto" and sys.stderr.isatty())
