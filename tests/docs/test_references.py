"""The references are what the code does: generated ones equal the code, examples are decoded by it, and what is told is run."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
import voluptuous as vol
import yaml
from click.testing import CliRunner
from pony import orm

from autocore.builtin import asyncapi, dbml
from autocore.check import check_folder
from autocore.cli import commands
from autocore.cli.reference import LIMITS, REQUIRED, Key, document, keys_of, section_of_plugin
from autocore.core.config import config_of
from autocore.core.config.sections import SCHEMAS
from autocore.core.discovery import find_plugins
from autocore.core.kinds import limits
from autocore.core.storage import models
from autocore.rehearsal import rehearse
from autocore.simulator import trust as rules
from autocore.simulator import wire as board_words
from autocore.testing.car import Car
from autocore_plugins.can.frames import raw_frames
from autocore_plugins.telemetry.readings import native

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROTOCOL, OPERATIONS = ((DOCS / name).read_text() for name in ("protocol.md", "operations.md"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SETTINGS_FREE = ("telemetry", "relays", "system", "can", "themes", "telegram", "derived", "battery")
ALL_PLUGINS = "".join(f"{name}:\n" for name in SETTINGS_FREE) + "power: {ignition: binary_sensor.ignition, then: nothing}\n"
INSTALLED = "/opt/autocore/"
PROGRAMS = {
    *("apt-get", "chmod", "chown", "cp", "docker", "export", "git", "install", "ip", "journalctl", "ln", "mkdir"),
    *(
        "mosquitto_passwd",
        "mosquitto_pub",
        "mosquitto_sub",
        "python",
        "ssh",
        "systemctl",
        "tail",
        "tar",
        "touch",
        "useradd",
        "cat",
    ),
}


def blocks(text: str, language: str) -> list[tuple[str, str]]:
    """Give (what stands behind the language, content) of each block."""
    return re.findall(rf"```{language}([^\n]*)\n(.*?)```", text, re.DOTALL)


def rows(text: str, heading: str) -> list[list[str]]:
    """Give the cells of the first table below a heading."""
    below = text.partition(f"\n{heading}\n")[2]
    table = re.search(r"((?:^\|.*\|\n)+)", below, re.MULTILINE)
    assert table, heading
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table[1].splitlines()]
    return [[cell.strip() for cell in cells] for cells in lines[2:]]


def commands_in(text: str) -> Iterator[list[str]]:
    for _, block in blocks(text, "console"):
        for line in block.splitlines():
            assert line.startswith("$ "), line
            words = shlex.split(line[2:])
            if words[0] == "sudo":
                words = words[3:] if words[1] == "-u" else words[1:]
            yield words


# ---- docs/configuration.md and docs/schema.dbml


def test_the_references_that_are_made_from_the_code_are_up_to_date(tmp_path: Path) -> None:
    assert (DOCS / "configuration.md").read_text() == document(tmp_path), "run script/docs"
    assert (DOCS / "schema.dbml").read_text() == dbml.document(), "run script/docs"


def sections() -> dict[str, list[Key]]:
    found = {name: keys_of(schema) for name, schema in SCHEMAS.items()}
    for name, point in find_plugins().items():
        found[name] = keys_of(point.load().config_schema())
    return found


def test_every_key_of_every_section_says_what_it_means_and_what_it_takes() -> None:
    all_keys = [(section, key) for section, keys in sections().items() for key in keys]
    assert len(all_keys) > 100
    assert [f"{section}: {key.path}" for section, key in all_keys if not (key.means and key.takes)] == []


def test_a_key_without_a_meaning_is_found() -> None:
    (key,) = keys_of(vol.Schema({vol.Required("speed"): int}))
    assert key == Key("speed", "whole number", "", REQUIRED, "")


def test_every_key_stands_in_the_reference() -> None:
    text = (DOCS / "configuration.md").read_text()
    for section, keys in sections().items():
        told = text.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
        assert told
        assert [key.path for key in keys if f"| `{key.path}` |" not in told] == []


def test_the_limits_are_told_whole() -> None:
    assert limits(dict.fromkeys(LIMITS, 1)).hysteresis == 1
    with pytest.raises(vol.Invalid):
        limits({"beyond": 1})


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for one in value:
            yield from leaves(one, f"{path}[]")
    else:
        yield path


def test_every_key_of_the_example_is_in_the_reference() -> None:
    known = sections()
    for section, content in yaml.safe_load((ROOT / "config.yaml.example").read_text()).items():
        paths = [re.escape(key.path).replace(r"\*", r"[^.]+") for key in known[section]]
        open_ended = [
            path
            for path, key in zip(paths, known[section], strict=True)
            if any(word in key.takes for word in ("limits", "themes", "mapping from"))
        ]
        for leaf in leaves(content):
            place = leaf.removesuffix("[]")
            is_told = any(re.fullmatch(path, place) for path in paths)
            assert is_told or any(re.match(rf"{path}\.", place) for path in open_ended) or not content, f"{section}: {leaf}"


def test_a_plugin_of_a_stranger_has_its_reference_for_free(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/tank.py").write_text(
        '"""Tank: how full it is."""\nimport voluptuous as vol\nfrom autocore.api import duration, hookimpl\n\n'
        "@hookimpl\ndef config_schema():\n"
        '    return vol.Schema({vol.Optional("every", default=90.0, description="how often | at most"): duration})\n'
    )
    answer = CliRunner().invoke(commands, ["reference", "--plugin", "tank", "--config", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert "### tank\n\nTank: how full it is.\n" in answer.output
    assert "| `every` | a duration, e.g. 500ms, 10s, 5min or 1h | `90s` | how often \\| at most |" in answer.output
    assert section_of_plugin("tank", tmp_path) == answer.output


def test_the_tables_are_those_of_the_entities() -> None:
    database = orm.Database()
    models.define(database)
    told = dict(re.findall(r"^Table (\w+) \{\n(.*?)^\}", (DOCS / "schema.dbml").read_text(), re.MULTILINE | re.DOTALL))
    for entity in database.entities.values():
        columns = re.findall(r"^  (\w+) \w+", told[entity._table_], re.MULTILINE)
        assert {one.column or one.name for one in entity._attrs_} <= set(columns), entity


# ---- docs/protocol.md


@pytest.fixture(scope="module")
def topics() -> list[str]:
    """Give every topic, as `autocore asyncapi` tells it with every plugin."""
    api = rehearse(config_of(ALL_PLUGINS), lambda core, plugins: asyncapi.document(core.hub.root, plugins.topics()))
    return sorted(re.sub(r"\{\w+\}", "{}", about["address"]) for about in api["channels"].values())


def told_topics() -> dict[str, list[str]]:
    return {re.sub(r"\{\w+\}", "{}", cells[0].strip("`")): cells for cells in rows(PROTOCOL, "## Every topic")}


def test_every_topic_is_told_and_no_other(topics: list[str]) -> None:
    assert sorted(told_topics()) == topics


def test_the_table_says_direction_quality_and_retention_of_the_core_as_they_are() -> None:
    told = told_topics()
    for one in asyncapi.CORE:
        cells = told[re.sub(r"\{\w+\}", "{}", f"autocore/{one.address}")]
        expected = ["→ gateway" if one.is_heard else "gateway →", str(one.qos), "yes" if one.retained else "no"]
        assert cells[1:4] == expected, one.address
        fields = {field.name for field in msgspec.structs.fields(one.payload)}
        assert {name for name in fields if f"`{name}`" not in cells[4] and f"`{name}?`" not in cells[4]} == set(), one.address


EXAMPLES = [(topic.strip(), text) for topic, text in blocks(PROTOCOL, "json")]


@pytest.fixture(scope="module")
def kinds() -> dict[str, Any]:
    """Give the type of each topic with which the code reads or writes it."""

    def look(core: Any, plugins: Any) -> dict[str, Any]:
        found = {re.sub(r"\{\w+\}", "{}", f"autocore/{one.address}"): one.payload for one in asyncapi.CORE}
        for of_one in plugins.topics().values():
            for topic in of_one:
                found.setdefault(topic.address.replace("{root}", core.hub.root).replace("+", "{}"), topic.payload)
        return found

    return rehearse(config_of(ALL_PLUGINS), look)


def kind_of(topic: str, kinds: Mapping[str, Any]) -> tuple[str, Any]:
    for address, kind in kinds.items():
        if re.fullmatch(address.replace("{}", "[^/]+"), topic):
            return address, kind
    raise AssertionError(f"nobody knows {topic}")


@pytest.mark.parametrize(("topic", "text"), EXAMPLES, ids=[f"{n} {topic}" for n, (topic, _) in enumerate(EXAMPLES)])
def test_every_example_is_decoded_by_the_code_with_no_field_too_many(topic: str, text: str, kinds: dict[str, Any]) -> None:
    address, kind = kind_of(topic, kinds)
    wrong: list[tuple[str, str]] = []
    if kind is not None:
        assert msgspec.json.decode(text, type=kind) is not None
        assert set(json.loads(text)) <= {field.name for field in msgspec.structs.fields(kind)}
    elif "telemetry" in address:
        assert list(native(json.loads(text), lambda field, reason: wrong.append((field, reason))))
    else:
        assert list(raw_frames(json.loads(text), lambda field, reason: wrong.append((field, reason))))
    assert wrong == []


def test_every_topic_has_an_example_but_the_long_theme(kinds: dict[str, Any]) -> None:
    shown = {kind_of(topic, kinds)[0] for topic, _ in EXAMPLES}
    assert set(kinds) - shown == {"autocore/config/theme"}


def test_a_board_that_was_welcomed_as_in_the_example_obeys_the_example_and_not_an_old_one() -> None:
    text = dict(EXAMPLES)
    welcome = board_words.decode(text["autocore/devices/relay_board_1/welcome"].encode(), board_words.Welcome)
    command = board_words.decode(text["autocore/relays/relay_board_1/command"].encode(), board_words.RelayCommand)
    on_time = welcome.t_ms
    for late_ms, verdict in ((20, rules.Verdict.OBEY), (command.ttl_ms + 1, rules.Verdict.EXPIRED)):
        trust = rules.Trust()
        trust.connect(welcome.session, 0)
        assert trust.ask(1_000) == welcome.ask
        assert trust.welcome(welcome, 1_010)
        assert trust.judge(command, 1_000 + command.t_ms - on_time + late_ms) is verdict
        assert trust.judge(command, 1_000 + command.t_ms - on_time + late_ms) is rules.Verdict.OLD


async def test_what_the_table_says_is_refused_is_refused_with_these_words(car: Car) -> None:
    await car.start("telemetry:\nrelays:\ncan:\n")
    table = rows(PROTOCOL, "## What is refused, and how you see it")
    for topic, payload, _ in table:
        before = car.core.hub.rejections.total
        car.publish(topic.strip("`"), payload.strip("`").encode())
        assert car.core.hub.rejections.total == before + 1, (topic, payload)
        await car.advance(61)  # the same field is named once a minute
    await car.stop()
    log = (car.folder / "data/logs/autocore.log").read_text().splitlines()
    for topic, _, cell in table:
        words = cell.replace("\\|", "|")
        assert any(f" on {topic.strip('`')}" in line and words.replace("`", "") in line.replace("`", "") for line in log), words


async def test_the_lines_to_try_make_a_board(car: Car) -> None:
    await car.start("telemetry:\nrelays:\n")
    for words in commands_in(PROTOCOL.partition("\n## Try it\n")[2]):
        if words[0] == "mosquitto_pub":
            options = {word: words[n + 1] for n, word in enumerate(words[:-1]) if word in ("-t", "-m")}
            car.publish(options["-t"], json.loads(options["-m"]), retain="-r" in words)
            await car.settle()
    assert [one["session"] for one in car.heard("autocore/devices/bench/welcome")][-1:] == ["s1"]
    assert (car.value("switch.bench_1"), car.value("switch.bench_2")) == (True, False)
    assert car.value("sensor.bench_supply_voltage") == 12.6


def test_what_is_not_there_yet_is_not_told_as_working(kinds: dict[str, Any]) -> None:
    absent = PROTOCOL.partition("\n## Not yet\n")[2]
    named = re.findall(r"`(autocore/[^`…]+)", absent)
    assert len(named) >= 3
    assert [one for one in named if any(address.startswith(one) for address in kinds)] == []


# ---- docs/operations.md


@pytest.mark.parametrize(
    "text", [text for _, text in blocks(OPERATIONS, "yaml") + blocks((DOCS / "configuration.md").read_text(), "yaml")]
)
def test_every_yaml_block_would_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    check_folder(tmp_path)


@pytest.mark.parametrize("text", [PROTOCOL, OPERATIONS], ids=["protocol", "operations"])
def test_every_line_for_the_shell_can_be_run(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for words in commands_in(text):
        if words[0] == "autocore":
            command: click.Command | None = commands
            rest = words[1:]
            while isinstance(command, click.Group):
                _, command, rest = command.resolve_command(click.Context(command), rest)
            assert command is not None
            command.make_context(words[1], list(rest))
        elif not words[0].startswith(INSTALLED):
            assert words[0] in PROGRAMS, words
        for word in words:
            if word.startswith(INSTALLED) and not word.startswith(f"{INSTALLED}.venv/"):
                assert (ROOT / word.removeprefix(INSTALLED)).exists(), word
    script = "\n".join(line[2:] for _, block in blocks(text, "console") for line in block.splitlines())
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_the_files_of_the_network_and_the_boot_can_be_parsed() -> None:
    parsed = [configparser.ConfigParser(interpolation=None, allow_no_value=False) for _ in range(2)]
    network, boot = (text for _, text in blocks(OPERATIONS, "ini"))
    parsed[0].read_string(network)
    assert parsed[0].getint("CAN", "BitRate") == 500_000
    parsed[1].read_string(f"[all]\n{boot}".replace("dtparam=", "dtparam_", 1))
    assert parsed[1].has_option("all", "dtoverlay")


def sentences() -> list[list[str]]:
    """Give the literal pieces of every text in the code."""
    found = []
    for file in (ROOT / "autocore").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.append([str(part.value) for part in node.values if isinstance(part, ast.Constant)])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.split(r"%[sd]", node.value))
    return found


def test_every_message_of_the_table_is_one_of_the_codes_own() -> None:
    pieces = sentences()
    for cells in rows(OPERATIONS, "## When something does not work"):
        for message in re.findall(r"`([^`]+)`", cells[0]):
            if message == os.strerror(19):
                continue
            best = max(sum(len(one) for one in text if (word := one.strip(" :")) and word in message) for text in pieces)
            whole = any(message in "".join(text) for text in pieces)
            assert whole or best >= 0.7 * len(message.replace("…", "")), message


async def test_every_file_of_the_data_folder_is_in_the_table(car: Car) -> None:
    await car.start("telegram:\n")
    told = {
        name.rstrip("/")
        for cells in rows(OPERATIONS, "## The data folder, and a copy of it")
        for name in re.findall(r"`([^`]+)`", cells[0])
    }
    there = {re.sub(r"-(wal|shm)$", "", one.name) for one in (car.folder / "data").iterdir()}
    assert there - told == set()
    later = {"backups", "restore", "before-restore-1", "ca", "snapshots", "….damaged-1", "states.0", "states.1"}
    assert told - there - later == {"broker", "cache", "control.sock"}  # of a broker, a port and what was asked for twice


# ---- Docker


def test_every_file_that_the_image_copies_is_there_and_not_left_out() -> None:
    left_out = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    copied = [line.split() for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line]
    sources = [word for words in copied for word in words[1:-1] if not word.startswith("--")]
    assert sources
    for source in (*sources, "pyproject.toml", "README.md", "LICENSE", "package-lock.json", "script/hatch_build.py"):
        assert (ROOT / source).exists(), source
        assert not any(Path(source).match(pattern) for pattern in left_out), source


def test_the_image_runs_as_nobody_of_importance_and_tells_its_health() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)[-1] == "autocore"
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim", "python:3.11-slim"]
    assert "/health" in DOCKERFILE.partition("HEALTHCHECK")[2].partition("ENTRYPOINT")[0]
    entry, command = (json.loads(text) for text in re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", DOCKERFILE, re.MULTILINE))
    assert entry == ["autocore"]
    assert commands.resolve_command(click.Context(commands), command)[0] == "run"


@pytest.mark.parametrize("url", [None, "mqtt://gateway:abc123@mosquitto:1883"], ids=["its own broker", "the broker beside it"])
def test_the_configuration_of_the_image_would_run(url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOCORE_MQTT_URL", raising=False)
    if url:
        monkeypatch.setenv("AUTOCORE_MQTT_URL", url)
    shutil.copy(DOCS / "docker/config.yaml", tmp_path)
    assert check_folder(tmp_path) == ["relays", "system", "telemetry"]


def test_compose_names_only_what_is_there() -> None:
    gateway, broker = COMPOSE["services"]["gateway"], COMPOSE["services"]["mosquitto"]
    assert set(COMPOSE["services"]) == {"gateway", "mosquitto"}
    assert re.sub(r"\$\{[^}]+\}", "secret", gateway["environment"]["AUTOCORE_MQTT_URL"]) == "mqtt://gateway:secret@mosquitto:1883"
    assert [port for port in gateway["ports"] if not port.startswith("127.0.0.1:")] == []
    for service in (gateway, broker):
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
    assert "?" in broker["environment"]["AUTOCORE_MQTT_PASSWORD"]  # no default password
    answer = subprocess.run(["sh", "-n"], input=broker["command"][-1].replace("$$", "$"), text=True, check=False)
    assert answer.returncode == 0


def test_a_board_may_say_only_what_is_its_own_to_the_broker_beside_the_gateway(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    conf = (DOCS / "docker/mosquitto.conf").read_text().replace("listener 1883", f"listener {port} 127.0.0.1\nuser root")
    conf = conf.replace("/mosquitto/data", str(tmp_path)).replace("/mosquitto/config", str(DOCS / "docker"))
    (tmp_path / "mosquitto.conf").write_text(conf)
    password = secrets.token_hex(8)
    (tmp_path / "passwords").touch(mode=0o600)
    for user in ("gateway", "board"):
        subprocess.run(["mosquitto_passwd", "-b", str(tmp_path / "passwords"), user, password], check=True, capture_output=True)
    there = ["-h", "127.0.0.1", "-p", port, "-P", password]
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with ExitStack() as stack:
        broker = stack.enter_context(subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.PIPE))
        stack.callback(broker.terminate)
        send = ["mosquitto_pub", *there, "-q", "1", "-m", "x", "-t"]
        while subprocess.run([*send, "autocore/up", "-u", "gateway"], capture_output=True, check=False).returncode:
            assert broker.poll() is None, broker.stderr
        told = [
            "autocore/relays/board/command",
            "autocore/devices/other/status",
            "autocore/gateway/status",
            "autocore/devices/board/status",
        ]
        for topic in told:
            subprocess.run([*send, topic, "-u", "board", "-r"], check=True, capture_output=True)
        kept = ["mosquitto_sub", *there, "-u", "gateway", "-t", "#", "--retained-only", "-W", "1", "-F", "%t"]
        assert subprocess.run(kept, capture_output=True, text=True, check=False).stdout.split() == told[-1:]
        stranger = ["mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-t", "autocore/notify", "-m", "x"]
        assert subprocess.run(stranger, capture_output=True, check=False).returncode


# ---- all of them


@pytest.mark.parametrize("name", ["protocol.md", "operations.md", "configuration.md"])
def test_links_and_named_files_lead_somewhere(name: str) -> None:
    text = (DOCS / name).read_text()
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        assert target.removeprefix("#") in headings if target.startswith("#") else (DOCS / target).exists(), target
    for named in re.findall(r"`((?:docs|script|autocore/simulator)/[\w./-]*)`", text):
        assert (ROOT / named).exists(), named
    assert (ROOT / "script/docs").stat().st_mode & 0o111
