"""`autocore run` and `autocore demo`: the gateway itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click

from autocore.app import Gateway, Settings
from autocore.cli.options import Common, common
from autocore.core.errors import BrokerError
from autocore.doors import address_of
from autocore.running import run as run_gateway


@click.command()
@click.option("--only", multiple=True, metavar="PLUGIN", help="Start only these plugins.")
@click.option("--safe", is_flag=True, help="Start no plugin: to look at a gateway that does not come up.")
@click.option("--dev", is_flag=True, help="Say everything (the level debug).")
@common
def run(shared: Common, *, only: tuple[str, ...], safe: bool, dev: bool) -> None:
    """Run the gateway with <config>/config.yaml."""
    chosen = frozenset[str]() if safe else frozenset(only) or None
    level = shared.log_level or ("debug" if dev else None)
    _run(Settings(shared.config, shared.data, shared.http_port, shared.mqtt_port, level, chosen), with_vehicle=False)


@click.command()
@common
def demo(shared: Common) -> None:
    """Run the gateway on loopback with its own broker and a virtual vehicle."""
    from autocore import demo as demonstration  # noqa: PLC0415  # only this command needs it

    is_named = click.get_current_context().get_parameter_source("data") is click.core.ParameterSource.COMMANDLINE
    folder = shared.data if is_named else demonstration.FOLDER
    demonstration.prepare(folder)
    _run(Settings(folder, folder, shared.http_port, shared.mqtt_port, shared.log_level), with_vehicle=True)


def _run(settings: Settings, *, with_vehicle: bool) -> None:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run_gateway(settings, _with_vehicle if with_vehicle else _alone))


@asynccontextmanager
async def _alone(gateway: Gateway) -> AsyncIterator[None]:
    _tell(gateway)
    yield


@asynccontextmanager
async def _with_vehicle(gateway: Gateway) -> AsyncIterator[None]:
    from autocore.demo import virtual_vehicle  # noqa: PLC0415  # only the demonstration needs it

    if gateway.endpoint is None:
        raise BrokerError("the demonstration has no broker")
    async with virtual_vehicle(gateway.endpoint.host, gateway.endpoint.port, gateway.config.core.mqtt.root):
        _tell(gateway)
        yield


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415  # optional
    except ImportError:
        return None
    return uvloop.new_event_loop


def _tell(gateway: Gateway) -> None:
    web = gateway.config.core.web
    click.echo(f"AutoCore is ready: {address_of(web, gateway.http_port)}")
    if web.is_encrypted:
        click.echo(f"Trust its certificate once: http://{web.hostname}.local:{gateway.http_port}/tls")
        click.echo(f"SHA-256 of it: {gateway.certificates.fingerprint}")
    click.echo(f"Broker: {gateway.endpoint}")
    if gateway.setup_code is not None:
        click.echo(f"Set-up code: {gateway.setup_code} (for the first administrator, within 15 minutes)")
    click.echo("Ctrl-C ends it.")
