"""A telephone meets a gateway over the network: first the page without encryption, then HTTPS that it trusts."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, Playwright, expect

from autocore.tls.certificates import read_certificate
from tests.browser.conftest import ROOT, serious_faults
from tests.conftest import PASSWORD
from tests.ports import free_port

CONFIG = "autocore: {{name: My van}}\nweb: {{host: 0.0.0.0, https_port: {https}, mdns: false, hostname: van}}\ntelemetry:\n"


class Van:
    """A gateway as its owner runs it, reached by others."""

    def __init__(self, folder: Path) -> None:
        self.http_port, self.https_port, mqtt_port = free_port(), free_port(), free_port()
        (folder / "config.yaml").write_text(CONFIG.format(https=self.https_port))
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(mqtt_port)]
        command = [sys.executable, "-m", "autocore", "run", "--config", str(folder), *ports]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout is not None
        self.said = ""
        while "Ctrl-C" not in self.said:
            self.said += self.process.stdout.readline()
        self.code = re.findall(r"code: (\S+)", self.said)[0]
        self.plain = f"http://localhost:{self.http_port}"
        self.base = f"https://localhost:{self.https_port}"
        self.folder = folder

    @property
    def pin(self) -> str:
        """What a browser is told so that it trusts this certificate, and no other."""
        key = read_certificate((self.folder / "data/ca/server.pem").read_bytes()).public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(scope="module")
def van(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Van]:
    made = Van(tmp_path_factory.mktemp("van"))
    yield made
    made.end()


def launched(playwright: Playwright, *more: str) -> Browser:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*quiet, *more])


def test_what_it_prints_names_the_address_the_page_and_the_digits(van: Van) -> None:
    assert f"https://0.0.0.0:{van.https_port}" in van.said
    assert f"http://van.local:{van.http_port}/tls" in van.said
    assert len(re.findall(r"SHA-256 of it: ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})\n", van.said)) == 1


def test_from_the_first_page_to_a_log_in_that_is_encrypted(playwright: Playwright, van: Van) -> None:
    stranger = launched(playwright)
    page = stranger.new_page()
    faults = _faults_of(page)
    page.goto(f"{van.plain}/tls")
    digits = page.locator(".fingerprint").inner_text().replace("\n", "")
    assert digits in van.said
    assert serious_faults(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the certificate").click()
    assert Path(download.value.path()).read_bytes() == (van.folder / "data/ca/ca.crt").read_bytes()
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(van.plain)  # it is led to HTTPS, which this browser does not trust
    assert faults == []
    stranger.close()

    friend = launched(playwright, f"--ignore-certificate-errors-spki-list={van.pin}")
    context = friend.new_context(locale="en-GB")
    page = context.new_page()
    faults = _faults_of(page)
    page.goto(van.plain)
    expect(page).to_have_url(f"{van.base}/setup")
    page.get_by_label("Set-up code").fill(van.code)
    page.get_by_label("Your name").fill("ana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    with page.expect_websocket(lambda socket: socket.url == f"wss://localhost:{van.https_port}/api/v1/live"):
        page.get_by_role("button").click()
    page.get_by_role("link", name="Later").click()  # the wizard has tests of its own
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-autocore_session", True, True)

    page.goto(f"{van.base}/settings")
    page.get_by_role("link", name="Show how").click()
    expect(page.get_by_role("img", name="QR code of")).to_be_visible()
    assert page.locator(".fingerprint").first.inner_text().replace("\n", "") == digits
    page.get_by_text("Renew it now").click()
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Renew").click()
    expect(page.get_by_role("alert")).to_contain_text("the password is wrong")
    assert serious_faults(page) == []
    assert faults == []
    friend.close()


def _faults_of(page: Page) -> list[str]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    return faults
