"""The broker with encryption: a real Mosquitto, and clients that trust its certificate, or another, or none."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion

from autocore.damage import Damages
from autocore.tls.authority import Authority
from autocore.tls.certificates import fingerprint
from tests.conftest import eventually
from tests.ports import free_port
from tests.tls.conftest import Share, Shared

CONFIG = "logging: {{level: warning}}\nmqtt: {{host: 0.0.0.0, tls: {{port: {tls}, websockets: {websockets}}}}}\n"


def knock(
    port: int, ca: Path | None, *, over: str = "tcp", account: tuple[str, str] | None = None, own: Path | None = None
) -> str:
    """Try to connect as a board does; give what became of it."""
    client = paho.Client(CallbackAPIVersion.VERSION2, transport=over)  # type: ignore[arg-type]  # one of its two words
    if ca is not None:
        client.tls_set(str(ca), certfile=str(own) if own else None, keyfile=str(own) if own else None)
    if account:
        client.username_pw_set(*account)
    said: list[str] = []
    client.on_connect = lambda _client, _data, _flags, reason, _more: said.append(str(reason))
    client.on_disconnect = lambda *words: said.append("closed")
    try:
        client.connect("localhost", port)
        for _ in range(40):
            if client.loop(0.1) != paho.MQTT_ERR_SUCCESS or said:
                break
    except (OSError, ssl.SSLError, paho.WebsocketConnectionError) as error:
        return type(error).__name__
    finally:
        client.disconnect()
    return said[0] if said else "closed"


async def knocks(*words: Any, **more: Any) -> str:
    return await asyncio.to_thread(knock, *words, **more)


async def shown(port: int) -> str:
    """Give the SHA-256 of the certificate that a port shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return fingerprint(x509.load_der_x509_certificate(der))


def account(van: Shared) -> tuple[str, str]:
    endpoint = van.gateway.endpoint
    assert endpoint is not None
    return endpoint.username or "", endpoint.password or ""


@pytest.fixture
def other_ca(tmp_path: Path) -> Path:
    authority = Authority(tmp_path / "other", lambda: None, Damages())
    authority.open()
    return authority.file


@pytest.mark.parametrize("over", ["tcp", "websockets"])
async def test_a_board_that_trusts_the_authority_comes_in_with_its_password(share: Share, other_ca: Path, over: str) -> None:
    van = await share(CONFIG)
    port = van.ports.tls if over == "tcp" else van.ports.websockets
    assert await knocks(port, van.ca, over=over, account=account(van)) == "Success"
    assert await knocks(port, van.ca, over=over) == "Not authorized"
    assert await knocks(port, van.ca, over=over, account=("autocore-gateway", "wrong")) == "Not authorized"
    assert await knocks(port, other_ca, over=over, account=account(van)) == "SSLCertVerificationError"
    assert await knocks(port, None, over=over, account=account(van)) in ("closed", "WebsocketConnectionError", "ConnectionError")


async def test_the_port_without_encryption_is_on_this_machine_only_unless_the_owner_says_so(share: Share) -> None:
    van = await share(CONFIG)
    assert _addresses(van.ports.mqtt) == {"127.0.0.1"}
    assert _addresses(van.ports.tls) == {"0.0.0.0"}
    assert await knocks(van.ports.mqtt, None, account=account(van)) == "Success"
    await van.gateway.stop()
    open_van = await share(CONFIG.replace("host:", "plain_lan: true, host:"))
    assert _addresses(open_van.ports.mqtt) == {"0.0.0.0"}
    assert await knocks(open_van.ports.mqtt, None) == "Not authorized"


def _addresses(port: int) -> set[str]:
    """Give the addresses on which somebody listens on a port, as the kernel tells it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port]
    return {socket.inet_ntoa(bytes.fromhex(one)[::-1]) for one in found}


async def test_a_renewed_certificate_is_shown_at_once_and_who_is_connected_stays(share: Share) -> None:
    van = await share(CONFIG)
    held = paho.Client(CallbackAPIVersion.VERSION2)
    gone: list[str] = []
    held.on_disconnect = lambda *words: gone.append("gone")
    held.tls_set(str(van.ca))
    held.username_pw_set(*account(van))
    await asyncio.to_thread(held.connect, "localhost", van.ports.tls)
    held.loop_start()
    before = await shown(van.ports.tls)
    await van.keeper.renew()
    fresh = fingerprint(van.keeper.authority.server)
    assert fresh != before
    await eventually(lambda: _shows(van.ports.tls, fresh))
    assert await knocks(van.ports.tls, van.ca, account=account(van)) == "Success"
    assert await knocks(van.ports.tls, van.ca) == "Not authorized"  # it read its configuration again, not another one
    assert gone == []
    assert held.is_connected()
    held.disconnect()
    held.loop_stop()


async def test_accounts_made_while_it_runs_outlive_a_renewal_and_those_taken_away_stay_away(share: Share) -> None:
    van = await share(CONFIG)
    ear = paho.Client(CallbackAPIVersion.VERSION2)
    ear.username_pw_set(*account(van))
    await asyncio.to_thread(ear.connect, "127.0.0.1", van.ports.mqtt)
    ear.loop_start()

    def order(command: str, **more: str) -> None:
        words = {"command": command, "username": "dash_1", **more}
        ear.publish("$CONTROL/dynamic-security/v1", json.dumps({"commands": [words]}), qos=1).wait_for_publish(5)

    order("createClient", password="a password of its own")
    own = ("dash_1", "a password of its own")
    await eventually(lambda: _is(van, own, "Success"))
    await _renewed(van)
    assert await knocks(van.ports.tls, van.ca, account=own) == "Success"
    order("deleteClient")
    await eventually(lambda: _is(van, own, "Not authorized"))
    await _renewed(van)
    assert await knocks(van.ports.tls, van.ca, account=own) == "Not authorized"
    ear.disconnect()
    ear.loop_stop()


async def _is(van: Shared, account: tuple[str, str], word: str) -> bool:
    return await knocks(van.ports.tls, van.ca, account=account) == word


async def _renewed(van: Shared) -> None:
    await van.keeper.renew()
    fresh = fingerprint(van.keeper.authority.server)
    await eventually(lambda: _shows(van.ports.tls, fresh))


async def _shows(port: int, wanted: str) -> bool:
    try:
        return await shown(port) == wanted
    except ConnectionRefusedError:  # it begins again at this moment
        return False


async def test_the_port_of_websockets_shows_it_when_the_broker_begins_again(
    share: Share, caplog: pytest.LogCaptureFixture
) -> None:
    van = await share(CONFIG)
    await van.keeper.renew()
    fresh = fingerprint(van.keeper.authority.server)
    broker = van.gateway._broker
    assert broker is not None
    broker.begin_again()
    await eventually(lambda: broker.restarts == 1)
    await eventually(lambda: _shows(van.ports.websockets, fresh))
    assert "ended with code" not in caplog.text


async def test_with_client_certificates_a_password_alone_is_not_enough(share: Share, tmp_path: Path) -> None:
    van = await share(CONFIG.replace("websockets:", "client_certificates: true, websockets:"))
    own = tmp_path / "dash.pem"
    own.write_bytes(van.keeper.authority.issue_client("dash_1"))
    assert await knocks(van.ports.tls, van.ca, account=account(van), own=own) == "Success"
    assert await knocks(van.ports.tls, van.ca, own=own) == "Not authorized"
    assert await knocks(van.ports.tls, van.ca, account=account(van)) != "Success"


async def test_a_gateway_on_this_machine_only_opens_two_ports_and_has_no_authority(share: Share) -> None:
    van = await share("logging: {{level: warning}}\n")
    assert [_addresses(port) for port in (van.ports.http, van.ports.mqtt)] == [{"127.0.0.1"}] * 2
    assert [_addresses(port) for port in (van.ports.https, van.ports.tls, van.ports.websockets)] == [set()] * 3
    assert not (van.folder / "data/ca").exists()


async def test_a_port_in_use_is_named_with_the_setting_that_changes_it(share: Share) -> None:
    from autocore.core.errors import BrokerError  # noqa: PLC0415  # only here

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"port {port} for the broker is in use; set mqtt.tls.port to a free one"):
            await share(CONFIG.replace("{tls}", str(port)))


def test_mosquitto_takes_every_line(tmp_path: Path) -> None:
    """Mosquitto says nothing of a limit that it does not know; it would end instead."""
    import subprocess  # noqa: PLC0415  # only here

    from autocore.broker.configuration import Encrypted, Outside, configuration  # noqa: PLC0415
    from autocore.broker.mosquitto import find_mosquitto, find_security_plugin  # noqa: PLC0415

    authority = Authority(tmp_path / "ca", lambda: None, Damages())
    authority.open()
    from autocore.tls.names import Names  # noqa: PLC0415

    authority.serve(Names(("localhost",), ()))
    (tmp_path / "accounts.json").write_text(json.dumps({"clients": [], "groups": [], "roles": []}))
    outside = Outside("127.0.0.1", encrypted=Encrypted(free_port(), free_port(), authority.server_file, authority.file))
    text = configuration(tmp_path, find_security_plugin(), free_port(), outside, allows_anonymous=False, user="root")
    (tmp_path / "mosquitto.conf").write_text(text)
    child = subprocess.Popen([find_mosquitto(), "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.PIPE, text=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
    finally:
        child.terminate()
        _, said = child.communicate()
    assert "Error" not in said, said
    assert shutil.which("mosquitto") or Path(find_mosquitto()).exists()
