"""`autocore device`: asked of the running gateway."""

from __future__ import annotations

import click

from autocore.cli.options import Common, common
from autocore.control import ask


@click.group()
def device() -> None:
    """See, approve and retire devices."""


@device.command("list")
@common
def list_devices(shared: Common) -> None:
    """List the devices that the running gateway knows."""
    rows = ask(shared.data, "GET", "/api/v1/devices")["items"]
    lines = [f"{row['id']:<24}{row['standing']:<10}{row['status']:<9}{row['name']}" for row in rows]
    shared.show(rows, "\n".join(lines) or "no device was heard yet")


def _stand(shared: Common, device_id: str, act: str) -> None:
    row = ask(shared.data, "POST", f"/api/v1/devices/{device_id}/{act}")
    shared.show(row, f"{row['id']} is {row['standing']}")


@device.command("approve")
@click.argument("device_id", metavar="ID")
@common
def approve_device(shared: Common, device_id: str) -> None:
    """Let a device take part."""
    _stand(shared, device_id, "approve")


@device.command("retire")
@click.argument("device_id", metavar="ID")
@common
def retire_device(shared: Common, device_id: str) -> None:
    """Stop listening to a device; its entities and history stay."""
    _stand(shared, device_id, "retire")


@device.command("name")
@click.argument("device_id", metavar="ID")
@click.argument("name")
@common
def name_device(shared: Common, device_id: str, name: str) -> None:
    """Call a device something; an empty NAME takes it back."""
    row = ask(shared.data, "PATCH", f"/api/v1/devices/{device_id}", {"name": name or None})
    shared.show(row, f"{row['id']} is called {row['name']}")
