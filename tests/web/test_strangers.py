"""What the HTTP server logs of requests that are none."""

from __future__ import annotations

import logging

from autocore.web.strangers import NO_TEXT, Strangers


def line(text: str, level: int = logging.WARNING, exc: BaseException | None = None) -> logging.LogRecord:
    exc_info = None if exc is None else (type(exc), exc, None)
    return logging.LogRecord("uvicorn.error", level, "", 0, text, (), exc_info)


def test_a_flood_of_malformed_requests_is_one_line_a_minute() -> None:
    now = [0.0]
    strangers = Strangers(lambda: now[0])
    assert sum(strangers.filter(line("Invalid HTTP request received.")) for _ in range(500)) == 1
    assert strangers.filter(line("Unsupported upgrade request."))
    now[0] = 61.0
    again = line("Invalid HTTP request received.")
    assert strangers.filter(again)
    assert again.getMessage() == "Invalid HTTP request received. (499 more since the last warning)"


def test_a_frame_that_is_no_text_is_no_mistake_of_the_gateway() -> None:
    record = line(NO_TEXT, logging.ERROR, ValueError("0xff"))
    assert Strangers().filter(record)
    assert (record.levelname, record.exc_info) == ("WARNING", None)


def test_a_mistake_of_the_gateway_is_told_every_time_with_its_traceback() -> None:
    strangers = Strangers()
    records = [line("Exception in ASGI application", logging.ERROR, KeyError("x")) for _ in range(3)]
    assert all(strangers.filter(one) and one.exc_info for one in records)


def test_ever_new_sentences_fill_neither_the_log_nor_the_memory() -> None:
    strangers = Strangers(lambda: 0.0)
    assert sum(strangers.filter(line(f"sentence {number}")) for number in range(5_000)) <= 51
