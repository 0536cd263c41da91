"""The systemd unit: it is what the page about operations describes."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import click

from autocore.cli import commands

DOCS = Path(__file__).parent.parent.parent / "docs"
OPERATIONS = (DOCS / "operations.md").read_text()
UNIT = (DOCS / "autocore.service").read_text()
INSTALLED = "/opt/autocore/"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read_string(UNIT)
    return parser


def test_the_unit_is_the_one_that_the_page_describes() -> None:
    service = unit()["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == f"{INSTALLED}.venv/bin/autocore"
    assert commands.resolve_command(click.Context(commands), words)[0] == "run"
    state = f"/var/lib/{service['StateDirectory']}"
    assert words[words.index("--config") + 1] == state == service["WorkingDirectory"]
    assert f"useradd --system --home-dir {state} --shell /usr/sbin/nologin {service['User']}" in OPERATIONS
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["Restart"]) == ("yes", "strict", "on-failure")
    assert "WatchdogSec" not in service  # nothing in the gateway answers it yet
    assert "AF_CAN" in service["RestrictAddressFamilies"]


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    service = unit()
    assert set(service.sections()) == {"Unit", "Service", "Install"}
    assert dict(service["Install"]) == {"WantedBy": "multi-user.target"}
    if shutil.which("systemd-analyze"):  # it says more where there is one
        file = tmp_path / "autocore.service"
        file.write_text(UNIT.replace(f"{INSTALLED}.venv/bin/autocore", "/bin/true"))
        answer = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stderr) == (0, "")
