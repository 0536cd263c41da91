"""What is flashed into a board that cannot join by itself: its credentials as JSON, as a C header and as ESPHome YAML. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import yaml

from autocore.provisioning.wire import EnrolBroker


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a board must know.

    Args:
        device: id, user name and client id.
        password: at the broker.
        broker: where it is; a host of None stands for the address under which the gateway was asked.
        root: the first level of the native topics.
        ca: the certificate of the CA in PEM; None without TLS.
    """

    device: str
    password: str = field(repr=False)
    broker: EnrolBroker
    root: str
    ca: str | None = None

    def files(self) -> dict[str, str]:
        """Give the files by their names."""
        return {"autocore.json": self.as_json(), "autocore.h": self.as_header(), "autocore.yaml": self.as_esphome()}

    def as_json(self) -> str:
        """Give it as JSON."""
        words = {
            "device": self.device,
            "username": self.device,
            "client_id": self.device,
            "password": self.password,
            "host": self.broker.host,
            "port": self.broker.port,
            "tls": self.broker.tls,
            "root": self.root,
            "ca": self.ca,
        }
        return json.dumps(words, indent=2) + "\n"

    def as_header(self) -> str:
        """Give it as a header of C and C++."""
        lines = [
            "/* Credentials of one board; whoever has them is this board. Keep this file out of version control. */",
            "#ifndef AUTOCORE_H",
            "#define AUTOCORE_H",
            f"#define AUTOCORE_DEVICE {_c(self.device)}",
            f"#define AUTOCORE_PASSWORD {_c(self.password)}",
            f"#define AUTOCORE_HOST {_c(self.broker.host or '')}",
            f"#define AUTOCORE_PORT {self.broker.port}",
            f"#define AUTOCORE_TLS {int(self.broker.tls)}",
            f"#define AUTOCORE_ROOT {_c(self.root)}",
        ]
        if self.ca is not None:
            lines.append("#define AUTOCORE_CA \\")
            lines += [f"    {_c(line + chr(10))} \\" for line in self.ca.strip().splitlines()]
            lines.append('    ""')
        return "\n".join([*lines, "#endif", ""])

    def as_esphome(self) -> str:
        """Give it as the `mqtt:` section of ESPHome (its `mqtt` component)."""
        status = f"{self.root}/devices/{self.device}/esphome/status"
        section = {
            "broker": self.broker.host or "",
            "port": self.broker.port,
            "username": self.device,
            "password": self.password,
            "client_id": self.device,
            "topic_prefix": status.removesuffix("/status"),
            "discovery": False,
            "birth_message": {"topic": status, "payload": "online"},
            "will_message": {"topic": status, "payload": "offline"},
        }
        if self.ca is not None:
            section["certificate_authority"] = self.ca
        text = yaml.safe_dump({"mqtt": section}, sort_keys=False)
        return f"# Credentials of one board; whoever has them is this board.\n{text}"


def _c(text: str) -> str:
    """Give a string of C: every character that is not plain as an octal escape, which no digit after it can lengthen."""
    plain = "".join(
        char
        if char.isascii() and char.isprintable() and char not in '"\\?'
        else "".join(f"\\{byte:03o}" for byte in char.encode())
        for char in text
    )
    return f'"{plain}"'
