"""`autocore simulate`: virtual devices that load any broker."""

from __future__ import annotations

import asyncio

import click

from autocore.cli.options import Common, common


@click.command()
@click.option("--devices", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many devices.")
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1_000_000),
    default=100.0,
    show_default=True,
    help="Messages a second, all together.",
)
@click.option("--seconds", type=click.FloatRange(0.1, 86_400), default=10.0, show_default=True, help="How long.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The broker.")
@click.option("--port", type=click.IntRange(1, 65535), default=1883, show_default=True, help="The broker's port.")
@click.option("--username", help="For a broker that asks for it.")
@click.option("--password", envvar="AUTOCORE_MQTT_PASSWORD", help="For a broker that asks for it.")
@common
def simulate(
    shared: Common,
    *,
    devices: int,
    rate: float,
    seconds: float,
    host: str,
    port: int,
    username: str | None,
    password: str | None,
) -> None:
    """Let virtual devices publish telemetry, ten sensors each."""
    from autocore.simulator import LoadSettings, run_load  # noqa: PLC0415  # only this command needs it

    settings = LoadSettings(
        devices=devices, rate=rate, seconds=seconds, host=host, port=port, username=username, password=password
    )
    result = asyncio.run(run_load(settings))
    shared.show(
        {"sent": result.sent, "seconds": result.seconds, "rate": result.sent / result.seconds},
        f"{result.sent} messages in {result.seconds:.1f} s, {result.sent / result.seconds:.0f} a second",
    )
