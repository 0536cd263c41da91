"""The options that every command understands, and the folders they name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Common:
    """What the common options said.

    Args:
        config: the folder of `config.yaml`.
        data: the folder of the databases; `<config>/data` unless named.
        http_port: overrides `web.port`.
        mqtt_port: overrides `mqtt.port`.
        log_level: overrides `logging.level`.
        as_json: whether the answer is for a program.
    """

    config: Path
    data: Path
    http_port: int | None
    mqtt_port: int | None
    log_level: str | None
    as_json: bool

    def show(self, answer: Any, text: str) -> None:
        """Print `answer` as JSON when the caller is a program, else `text`."""
        click.echo(json.dumps(answer, default=str) if self.as_json else text)


PORT = click.IntRange(1, 65535)
LEVELS = click.Choice(["debug", "info", "warning", "error"])


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the common options; it gets them as its first argument."""

    @click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path),
        default=".",
        show_default=True,
        help="Folder of config.yaml.",
    )
    @click.option("--data", type=click.Path(path_type=Path), help="Folder of the databases. [default: <config>/data]")
    @click.option("--http-port", type=PORT, help="Port of the web, instead of web.port.")
    @click.option("--mqtt-port", type=PORT, help="Port of the broker, instead of mqtt.port.")
    @click.option("--log-level", type=LEVELS, help="Instead of logging.level.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @wraps(command)
    def with_common(
        *args: Any,
        config: Path,
        data: Path | None,
        http_port: int | None,
        mqtt_port: int | None,
        log_level: str | None,
        as_json: bool,
        **options: Any,
    ) -> Any:
        shared = Common(config, data or config / "data", http_port, mqtt_port, log_level, as_json)
        return command(shared, *args, **options)

    return with_common
