"""Logs on standard error, a JSON object a line; what people drew or wrote is never in them."""

import json
import logging
import os
import sys
import time
from typing import final


def set_up() -> None:
    """Lets this process log that way."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    if os.environ.get("INKDIGITS_LOG_REQUESTS") == "1":
        logging.getLogger("inkdigits.requests").setLevel(logging.INFO)


@final
class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        said = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "process": record.process,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
