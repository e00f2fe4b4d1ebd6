"""Log lines are JSON objects with the request's id and what was given as extra."""

import json
import logging
import sys

from annotate.logs import JsonFormatter, RequestIdFilter, TextFormatter, request_id


def line(formatter: logging.Formatter, **more) -> str:
    record = logging.LogRecord(
        "annotate.x", logging.WARNING, __file__, 1, "%s is away", ("Valkey",), more.pop("error", None)
    )
    vars(record).update(more)
    token = request_id.set("req-00001")
    RequestIdFilter().filter(record)
    request_id.reset(token)
    return formatter.format(record)


def test_json_line_carries_request_and_extra() -> None:
    told = json.loads(line(JsonFormatter(), job="work.sweep_leases"))
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "WARNING",
        "logger": "annotate.x",
        "message": "Valkey is away",
        "request_id": "req-00001",
        "job": "work.sweep_leases",
    }


def test_json_line_of_an_error_is_one_line_with_its_traceback() -> None:
    try:
        int("no number")
    except ValueError:
        text = line(JsonFormatter(), error=sys.exc_info())
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("ValueError: invalid literal for int() with base 10: 'no number'")


def test_text_line_ends_with_the_request() -> None:
    assert line(TextFormatter("%(levelname)s %(message)s")) == "WARNING Valkey is away [req-00001]"
