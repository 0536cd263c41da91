"""What displays are told: the topic `config/theme`, retained, with a version that only ever grows."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from autocore.api import PluginHost

from .adapt import DEVICE_TYPES, DeviceTheme, Style, adapt
from .theme import Theme

TOPIC = "{root}/config/theme"
STORED = "announced"
NS = 1_000_000_000
SEED_TYPE = "mobile"  # `theme` is written as a phone wears it: that is what displays of the first specification read


class WornTheme(msgspec.Struct, frozen=True):
    """The theme itself; `style` is that of a phone."""

    name: str
    is_dark: bool
    colors: dict[str, str]
    style: Style


class ThemeUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """`config/theme`: the theme that everything with a screen wears.

    Args:
        type: always `theme_update`.
        version: greater than every one before it, also after a restart; the same version is the same theme.
        theme: the theme.
        device_types: the theme as each type of device wears it, by the type's name.
        timestamp: when this version was made, ISO 8601 in UTC; None when the clock was not trusted then.
    """

    type: Literal["theme_update"] = "theme_update"
    version: int
    theme: WornTheme
    device_types: dict[str, DeviceTheme]
    timestamp: str | None


class Announcer:
    """Publishes the theme that is worn: at the start, and when something of it changed.

    Attributes:
        version: of what was published last; 0 before the first.
    """

    def __init__(self, host: PluginHost) -> None:
        self.version = 0
        self._host = host
        self._digest = ""
        self._timestamp: str | None = None
        self._is_published = False

    async def restore(self) -> None:
        """Take up the version of an earlier start."""
        stored = await self._host.store.get(STORED, {})
        self.version, self._digest, self._timestamp = stored.get("version", 0), stored.get("digest", ""), stored.get("timestamp")

    async def tell(self, theme: Theme) -> bool:
        """Publish a theme, and say whether anything went out: what displays know already is not published again.

        While the broker is away the gateway keeps the message, as every retained one, and publishes it at the next connection.
        """
        digest = _digest_of(theme)
        if digest != self._digest:
            version, timestamp = self.version + 1, _now(self._host)
            # On disk first: after a power cut no other theme may go out under the same version.
            await self._host.store.set(STORED, {"version": version, "digest": digest, "timestamp": timestamp})
            self.version, self._digest, self._timestamp = version, digest, timestamp
        elif self._is_published:
            return False
        self._is_published = True
        self._host.mqtt.publish(TOPIC, update_of(theme, self.version, self._timestamp), qos=1, retain=True)
        return True


def update_of(theme: Theme, version: int, timestamp: str | None) -> ThemeUpdate:
    """Give what is published of a theme."""
    worn = {name: adapt(theme, device) for name, device in DEVICE_TYPES.items()}
    plain = WornTheme(theme.name, theme.is_dark, theme.colours, worn[SEED_TYPE].style)
    return ThemeUpdate(version=version, theme=plain, device_types=worn, timestamp=timestamp)


def _digest_of(theme: Theme) -> str:
    told: Any = update_of(theme, 0, None)  # with the device types: a new program may adapt otherwise
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def _now(host: PluginHost) -> str | None:
    wall_ns, _quality = host.clock.wall_ns()
    return None if wall_ns is None else datetime.fromtimestamp(wall_ns / NS, UTC).isoformat()
