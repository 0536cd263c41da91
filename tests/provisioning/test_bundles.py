"""What is flashed into a board: a compiler, a JSON reader and a YAML reader find the same credentials in it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autocore.provisioning.bundles import Bundle
from autocore.provisioning.wire import EnrolBroker

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PROGRAM = """
#include <stdio.h>
#include "autocore.h"
int main(void) {
    printf("%s\\n%s\\n%s\\n", AUTOCORE_DEVICE, AUTOCORE_PASSWORD, AUTOCORE_HOST);
    printf("%d\\n%d\\n%s\\n", AUTOCORE_PORT, AUTOCORE_TLS, AUTOCORE_ROOT);
#ifdef AUTOCORE_CA
    fputs(AUTOCORE_CA, stdout);
#endif
    return 0;
}
"""
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=("Cs",)), max_size=20)


@pytest.mark.parametrize("ca", [None, CA])
def test_a_compiler_reads_the_header(tmp_path: Path, ca: str | None) -> None:
    bundle = Bundle("winch", 'a"b\\c??/%d7', EnrolBroker("10.0.0.1", 8883, tls=True), "autocore", ca)
    (tmp_path / "autocore.h").write_text(bundle.as_header())
    (tmp_path / "read.c").write_text(PROGRAM)
    command = ["gcc", "-std=c99", "-Wall", "-Werror", "-pedantic", "-o", str(tmp_path / "read"), str(tmp_path / "read.c")]
    subprocess.run(command, check=True)
    said = subprocess.run([tmp_path / "read"], check=True, capture_output=True, text=True).stdout
    assert said == f'winch\na"b\\c??/%d7\n10.0.0.1\n8883\n1\nautocore\n{ca or ""}'


@given(WORDS, WORDS, st.integers(1, 65_535), st.booleans())
def test_json_and_yaml_hold_every_character(password: str, host: str, port: int, tls: bool) -> None:
    files = Bundle("winch", password, EnrolBroker(host, port, tls), "autocore", CA).files()
    words = json.loads(files["autocore.json"])
    assert (words["client_id"], words["password"], words["host"], words["port"], words["ca"]) == (
        "winch",
        password,
        host,
        port,
        CA,
    )
    section = yaml.safe_load(files["autocore.yaml"])["mqtt"]
    assert (section["username"], section["password"], section["broker"], section["port"]) == ("winch", password, host, port)
    assert section["certificate_authority"] == CA
    assert files["autocore.h"].isascii()
