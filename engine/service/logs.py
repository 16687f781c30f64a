"""What the server says of itself: one JSON object a line on standard error, with codes and ids only.

A line never holds a name, a caller's words or a position. That is why an unexpected error is logged by its type and
the places it passed through, without its text, which may quote what somebody sent.
"""

import json
import logging
import sys
import time
import traceback
from typing import TextIO

LOGGER_NAME = "allpoints"
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a record as one line: ``at, level, event`` and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        ours = record.name == LOGGER_NAME or record.name.startswith(f"{LOGGER_NAME}.")
        line: dict[str, object] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            # Other people's texts may quote what a client sent: only their logger's name is ours to print.
            "event": record.getMessage() if ours else f"from {record.name}",
        }
        if ours:
            line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])[-8:]
            line["error"] = record.exc_info[0].__name__
            line["passed"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to(stream: TextIO | None = None, level: int = logging.INFO) -> logging.Logger:
    """Send all logging of this process to ``stream`` (standard error) as JSON lines; return our logger."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger = logging.getLogger(LOGGER_NAME)
    logger.setLevel(level)
    return logger
