"""`autocore device`: asked of the running gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from autocore.cli.options import Common, common
from autocore.control import ask
from autocore.core.disk import write_file
from autocore.core.errors import StorageError


@click.group()
def device() -> None:
    """See, let in, name, replace and shut out devices."""


@device.command("list")
@common
def list_devices(shared: Common) -> None:
    """List the devices that the running gateway knows."""
    rows = ask(shared.data, "GET", "/api/v1/devices")["items"]
    lines = [f"{row['id']:<24}{row['standing']:<10}{row['status']:<9}{row['name']}" for row in rows]
    shared.show(rows, "\n".join(lines) or "no device was heard yet")


grants = click.option("--grant", "granted", multiple=True, metavar="CAPABILITY", help="What it may beside its own topics.")
output = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the files to flash into this folder, not to the screen.",
)


@device.command("approve")
@click.argument("device_id", metavar="ID")
@grants
@common
def approve_device(shared: Common, device_id: str, *, granted: tuple[str, ...]) -> None:
    """Let a device take part; one that waits in join mode gets its credentials."""
    row = ask(shared.data, "POST", f"/api/v1/devices/{device_id}/approve", {"granted": list(granted) or None})
    shared.show(row, f"{row['id']} is {row['standing']}")


@device.command("retire")
@click.argument("device_id", metavar="ID")
@common
def retire_device(shared: Common, device_id: str) -> None:
    """Cut a device off and listen to it no more; its entities and history stay."""
    row = ask(shared.data, "POST", f"/api/v1/devices/{device_id}/retire")
    shared.show(row, f"{row['id']} is {row['standing']}")


@device.command("forget")
@click.argument("device_id", metavar="ID")
@common
def forget_device(shared: Common, device_id: str) -> None:
    """Forget a device that was only found, or is retired."""
    ask(shared.data, "DELETE", f"/api/v1/devices/{device_id}")
    shared.show({"id": device_id}, f"{device_id} is forgotten")


@device.command("join")
@click.option("--close", "is_closing", is_flag=True, help="Close it instead.")
@common
def join(shared: Common, *, is_closing: bool) -> None:
    """Let one new board ask for credentials, for ten minutes."""
    if is_closing:
        ask(shared.data, "DELETE", "/api/v1/joining")
        shared.show({"is_open": False}, "join mode is closed")
        return
    window = ask(shared.data, "POST", "/api/v1/joining")
    text = (
        f"join mode is open for {window['seconds'] // 60} minutes, for one board:\n"
        f"  user name  {window['username']}\n  password   {window['password']}\n  it asks on {window['topic']}\n"
        "approve it with: autocore device approve ID"
    )
    shared.show(window, text)


@device.command("add")
@click.argument("device_id", metavar="ID")
@click.option("--name", default="", help="What it calls itself.")
@click.option("--type", "kind", default="", help="E.g. relay_board.")
@grants
@output
@common
def add_device(shared: Common, device_id: str, *, name: str, kind: str, granted: tuple[str, ...], output: Path | None) -> None:
    """Take in a board that cannot join by itself, and give what is flashed into it, this once."""
    body = {"id": device_id, "name": name, "type": kind, "granted": list(granted)}
    _hand_over(shared, ask(shared.data, "POST", "/api/v1/devices", body), output)


@device.command("replace")
@click.argument("device_id", metavar="ID")
@click.option("--by", help="The board that waits in join mode; without it the new credentials are given here.")
@output
@common
def replace_device(shared: Common, device_id: str, *, by: str | None, output: Path | None) -> None:
    """Put another board in a board's place: its entities and history stay, and the old board is cut off."""
    row = ask(shared.data, "POST", f"/api/v1/devices/{device_id}/replace", {"by": by})
    if "files" in row:
        _hand_over(shared, row, output)
    else:
        shared.show(row, f"{by} has taken the place of {device_id}")


def _hand_over(shared: Common, row: dict[str, Any], folder: Path | None) -> None:
    if folder is None:
        shared.show(row, "\n".join(f"--- {name}\n{text}" for name, text in row["files"].items()))
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in row["files"].items():
            write_file(folder / name, text.encode())
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written: {error.strerror}; replace the device again for other credentials"
        ) from error
    shared.show({**row, "folder": str(folder)}, f"{row['id']} has credentials; what is flashed into it is in {folder}")


@device.command("name")
@click.argument("device_id", metavar="ID")
@click.argument("name")
@common
def name_device(shared: Common, device_id: str, name: str) -> None:
    """Call a device something; an empty NAME takes it back."""
    row = ask(shared.data, "PATCH", f"/api/v1/devices/{device_id}", {"name": name or None})
    shared.show(row, f"{row['id']} is called {row['name']}")
