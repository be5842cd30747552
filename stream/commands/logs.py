"""Where the programs' log lines go."""

import logging

from stream.settings import Settings


def set_up_logging(settings: Settings) -> None:
    """Log lines to stderr; Faust's own only from warnings on, for it narrates each service it starts."""
    logging.getLogger("stream").setLevel(settings.log_level)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("faust", "mode", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Ten lines a second while Kafka is away; what it could not send, worker-status, is logged where it is sent.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
