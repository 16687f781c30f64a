"""The log is JSON lines with codes and ids; what somebody sent never gets into it, not by way of an error either."""

import io
import json
import logging

import pytest

from engine.service.logs import LOGGER_NAME, log_to


@pytest.fixture
def log():
    """Log into memory, and leave logging as it was."""
    root, ours = logging.getLogger(), logging.getLogger(LOGGER_NAME)
    before = root.handlers[:], root.level, ours.level
    stream = io.StringIO()
    log_to(stream)
    yield stream
    root.handlers[:], root.level, ours.level = before


def test_a_line_says_what_happened_and_to_which_ids(log: io.StringIO):
    logging.getLogger("allpoints.server").info("ready", extra={"seq": 7, "city": "grid"})
    line = json.loads(log.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {"level": "info", "event": "ready", "seq": 7, "city": "grid"}


def test_an_error_is_logged_without_its_text(log: io.StringIO):
    try:
        float("Zhang San, 13800000000")
    except ValueError:
        logging.getLogger("allpoints.http").exception("request_failed")
    assert "Zhang" not in log.getvalue()
    line = json.loads(log.getvalue())
    assert line["error"] == "ValueError"
    assert line["passed"][-1].startswith("test_logs.py:")


def test_other_people_s_loggers_are_named_but_not_quoted(log: io.StringIO):
    logging.getLogger("uvicorn.error").warning("Invalid request from %s", "Zhang San")
    assert json.loads(log.getvalue())["event"] == "from uvicorn.error"
