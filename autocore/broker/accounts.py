"""The accounts of the broker, as Mosquitto's dynamic-security plugin keeps them: made whole before every start. Pure functions.

What devices may is known in state.db; the plugin's file is derived from it, so that a lost, old or restored file costs nobody
the way in, and nobody who was shut out comes back with it. Accounts that somebody else made there stay.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autocore.broker.grants import PUBLISH, Right

GATEWAY = "autocore-gateway"
ANONYMOUS = "anonymous"
ITERATIONS = 101  # what mosquitto_ctrl writes; the secrets are random, so more would protect nothing
OURS = ("device-", "joining")
"""What the names of our roles begin with, beside those of the gateway and of strangers."""
JOINING = "enrol"
_EVERYTHING = ("publishClientSend", "publishClientReceive", "subscribePattern", "unsubscribePattern")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A password as the broker checks it: PBKDF2 with SHA-512, both values in base64."""

    salt: str
    digest: str
    iterations: int = ITERATIONS


@dataclass(frozen=True, slots=True)
class Account:
    """A device's account; its name is the device's id, and no other client id may use it."""

    device: str
    sealed: Sealed
    rights: Sequence[Right]


def new_password() -> str:
    """Give a random password of 256 bits, of letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(32)


def seal(password: str) -> Sealed:
    """Give a password as the broker checks it."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return Sealed(base64.b64encode(salt).decode(), base64.b64encode(digest).decode())


def role_of(device_id: str) -> str:
    """Give the name of a device's role."""
    return f"device-{device_id}"


def document(
    gateway: Sealed, accounts: Iterable[Account], known: Mapping[str, Sequence[Mapping[str, Any]]], *, allows_anonymous: bool
) -> dict[str, Any]:
    """Give the whole file.

    Args:
        gateway: the password of the gateway's own account.
        accounts: of the devices that have one.
        known: `clients`, `groups` and `roles` of the file as it is; what is not ours is kept.
        allows_anonymous: whether clients without a name may do all but control the broker.
    """
    devices = list(accounts)
    clients = [one for one in known.get("clients", ()) if not _is_ours(one)]
    roles = [one for one in known.get("roles", ()) if not _is_our_role(str(one.get("rolename")))]
    groups = [one for one in known.get("groups", ()) if one.get("groupname") != ANONYMOUS]
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": True,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [*clients, _client(GATEWAY, "gateway", gateway), *(_client_of(one) for one in devices)],
        "groups": [*groups, {"groupname": ANONYMOUS, "roles": [{"rolename": ANONYMOUS}], "clients": []}],
        "roles": [
            *roles,
            {
                "rolename": "gateway",
                "acls": [acl(kind, topic) for kind in _EVERYTHING for topic in ("#", "$SYS/#", "$CONTROL/#")],
            },
            {"rolename": ANONYMOUS, "acls": acls_of_strangers() if allows_anonymous else []},
            *({"rolename": role_of(one.device), "acls": acls_of(one.rights)} for one in devices),
        ],
        "anonymousGroup": ANONYMOUS,
    }


def acl(kind: str, topic: str, *, allow: bool = True) -> dict[str, Any]:
    """Give one line of a role; what is forbidden goes before what is allowed."""
    return {"acltype": kind, "topic": topic, "priority": 0 if allow else 10, "allow": allow}


def acls_of(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """Give the lines of a role."""
    return [acl(one.kind, one.topic) for one in rights]


def acls_of_strangers(withheld: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Give the lines of the role of clients without a name, where they may do all but control the broker.

    Args:
        withheld: topics on which they may not publish now.
    """
    lines = [line for kind in _EVERYTHING for line in (acl(kind, "#"), acl(kind, "$CONTROL/#", allow=False))]
    return [*(acl(PUBLISH, topic, allow=False) for topic in withheld), *lines]


def _client(name: str, role: str, sealed: Sealed) -> dict[str, Any]:
    return {
        "username": name,
        "roles": [{"rolename": role}],
        "password": sealed.digest,
        "salt": sealed.salt,
        "iterations": sealed.iterations,
    }


def _client_of(account: Account) -> dict[str, Any]:
    return _client(account.device, role_of(account.device), account.sealed) | {"clientid": account.device}


def _is_ours(client: Mapping[str, Any]) -> bool:
    roles = client.get("roles", ())
    names = [str(one.get("rolename")) for one in roles if isinstance(one, dict)] if isinstance(roles, list) else []
    return client.get("username") in (GATEWAY, JOINING) or any(name.startswith(OURS) for name in names)


def _is_our_role(name: str) -> bool:
    return name in ("gateway", ANONYMOUS) or name.startswith(OURS)
