"""What each interface of python-can is asked for, and how it is opened: to listen only, where it can be asked to.

python-can is imported when a bus is opened, not before: it costs 18 MB.
"""

from __future__ import annotations

from typing import Any

from autocore.api import N_

from .section import BusSection

ASKED = N_("listen-only: asked of the adapter")
NOT_ASKABLE = N_("listen-only: this interface cannot be asked; the gateway never sends all the same")
BY_SYSTEM = N_(
    "listen-only: set it in the system (ip link set … type can … listen-only on); the gateway never sends all the same"
)
VIRTUAL = N_("a virtual bus: no wire is behind it")
NOT_ASKED = N_("not asked to listen only; the gateway never sends all the same")

# How each interface of python-can is asked to listen only; those not named take `bus.state` or nothing.
_LISTEN_ONLY: dict[str, dict[str, Any]] = {
    "slcan": {"listen_only": True},
    "vector": {"listen_only": True},
    "cantact": {"monitor": True},
    "kvaser": {"driver_mode": False},
    "seeedstudio": {"operation_mode": "silent"},
}
_BY_STATE = ("pcan", "systec")
_SET_BY_SYSTEM = ("socketcan",)  # the network interface has bit rate and mode; opening a socket changes neither
_NO_BITRATE = ("socketcan", "socketcand", "virtual", "udp_multicast")


def options_of(section: BusSection) -> dict[str, Any]:
    """Give what python-can is asked for, without its own types: `state` is the name of a `can.BusState`."""
    options: dict[str, Any] = {"interface": section.interface, "channel": section.channel}
    if section.interface not in _NO_BITRATE:
        options["bitrate"] = section.bitrate
    if section.listen_only:
        options |= _LISTEN_ONLY.get(section.interface, {})
        if section.interface in _BY_STATE:
            options["state"] = "PASSIVE"
    return options


def open_bus(section: BusSection) -> tuple[Any, str]:
    """Open a bus and give it with a note on how it listens; it blocks, so it runs in a thread.

    Whatever the driver raises passes.
    """
    import can  # noqa: PLC0415  # 18 MB, and only where there is a bus

    options = options_of(section)
    if "state" in options:
        options["state"] = can.BusState[options["state"]]
    bus = can.Bus(ignore_config=True, **options)  # what lies in a home folder says nothing here
    if section.interface == "virtual":
        return bus, VIRTUAL
    if not section.listen_only:
        return bus, NOT_ASKED
    if section.interface in _LISTEN_ONLY or section.interface in _BY_STATE:
        return bus, ASKED
    if section.interface in _SET_BY_SYSTEM:
        return bus, BY_SYSTEM
    try:
        bus.state = can.BusState.PASSIVE
    except NotImplementedError:
        return bus, NOT_ASKABLE
    return bus, ASKED
