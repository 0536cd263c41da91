"""The configuration: every fault has its place and says what to do; what is valid will run."""

from __future__ import annotations

from pathlib import Path

import pytest
import voluptuous as vol
from hypothesis import example, given
from hypothesis import strategies as st

from autocore.core.config import config_of, load, validate
from autocore.core.config.types import device_id, duration, entity_id, port, slug_key, topic_filter
from autocore.core.errors import ConfigError, ConfigFaults


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigFaults) as caught:
        config_of(text)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("web:\n  prot: 80\n", "config.yaml:2:3 web.prot:", "did you mean port?"),
        ("web:\n  port: abc\n", "config.yaml:2:3 web.port:", "a whole number from 1 to 65535"),
        ("web:\n  port: 70000\n", "config.yaml:2:3 web.port:", "write e.g. 8080, not 70000"),
        ("web: 7\n", "config.yaml:1:1 web:", "expected a mapping, not 7"),
        ("web:\n  port: 1\n  port: 2\n", "config.yaml:3:3", "stands here twice, first in line 2"),
        ("web: {}\nweb: {}\n", "config.yaml:2:1", "twice"),
        ("a: !incldue x\n", "config.yaml:1:4", "did you mean !include?"),
        ("a: !python/object:os.system x\n", "config.yaml:1:4", "there is no tag"),
        ("a: [1\n", "config.yaml:2:1", "this is no YAML"),
        ("a:\n\tb: 1\n", "config.yaml:2:1", "spaces"),
        ("mqtt: {broker: broker.local}\n", "config.yaml:1:8 mqtt.broker:", "mqtt://"),
        ("mqtt: {broker: 7}\n", "config.yaml:1:8 mqtt.broker:", "expected auto"),
        ("mqtt: {root: 'a b'}\n", "config.yaml:1:8 mqtt.root:", "autocore"),
        ("autocore: {language: de}\n", "config.yaml:1:12 autocore.language:", "en, pt-BR, not 'de'"),
        ("history: {flush_s: 3d}\n", "config.yaml:1:11 history.flush_s:", "1s to 300s"),
        ("auth: {secret_key: short}\n", "config.yaml:1:8 auth.secret_key:", "leave it out"),
        ("a: !env HOME\n", "config.yaml:1:4", "AUTOCORE_"),
        ("a: !env AUTOCORE_X\n", "config.yaml:1:4", "has no AUTOCORE_X"),
        ("a: !secret wifi\n", "config.yaml:1:4", "secrets.yaml has no wifi"),
        ("a: !include ../../etc/passwd\n", "config.yaml:1:4", "stays under the configuration folder"),
        ("a: !include missing.yaml\n", "config.yaml:1:4", "missing.yaml cannot be read"),
        ("<<: {a: 1}\n", "config.yaml:1:1", "!include"),
        ("? [1]\n: 2\n", "config.yaml:1:3", "a key is a text"),
        ("7: x\n", "config.yaml:1:1 7:", "a section's name is a text"),
    ],
)
def test_a_fault_names_its_place_its_key_and_what_to_do(text: str, place: str, words: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(place)
    assert words in fault


def test_all_faults_are_said_at_once_in_their_order() -> None:
    assert [one.split(" ")[0] for one in faults("web: {prot: 1, host: x}\nmqtt: {port: 0}\nx: !incl y\n")] == [
        "config.yaml:1:7",
        "config.yaml:1:16",
        "config.yaml:2:8",
        "config.yaml:3:4",
    ]


def test_a_secret_is_never_quoted(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("auth: {secret_key: !secret key}\nweb: {port: !env AUTOCORE_PORT}\n")
    (tmp_path / "secrets.yaml").write_text("key: hunter2\n")
    with pytest.raises(ConfigFaults) as caught:
        load(tmp_path, environ={"AUTOCORE_PORT": "sesame"})
    text = str(caught.value)
    assert "hunter2" not in text
    assert "sesame" not in text
    assert len(caught.value.faults) == 2


def test_includes_secrets_and_parts_make_one_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "web: {port: 9000}\nrelays: !include boards.yaml\nextra: !include_dir more\nauth: {secret_key: !secret key}\n"
        "name: !env AUTOCORE_NAME Rover\n"
    )
    (tmp_path / "boards.yaml").write_text("boards: [{device: main, channels: {1: {name: A}}}]\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text("2\n")
    (tmp_path / "more" / "a.yaml").write_text("1\n")
    (tmp_path / "secrets.yaml").write_text(f"key: {'k' * 32}\n")
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d" / "telemetry.yaml").write_text("expires_after: 5min\n")
    config = load(tmp_path, environ={})
    assert config.core.web.port == 9000
    assert config.core.auth.secret_key == "k" * 32
    assert list(config.plugins) == ["relays", "extra", "name", "telemetry"]
    assert config.plugins["extra"] == {"a": 1, "b": 2}
    assert config.plugins["name"] == "Rover"
    assert config.plugins["telemetry"] == {"expires_after": "5min"}


def test_a_section_has_one_home(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("relays: {}\n")
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d" / "relays.yaml").write_text("{}\n")
    with pytest.raises(ConfigFaults, match=r"stands in config.yaml:1:1 too"):
        load(tmp_path, environ={})


def test_a_file_that_includes_itself_and_one_behind_a_link_are_refused(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "config.yaml").write_text("a: !include loop.yaml\nb: !include link.yaml\n")
    (inner / "loop.yaml").write_text("!include loop.yaml\n")
    (tmp_path / "outside.yaml").write_text("secret: 1\n")
    (inner / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    with pytest.raises(ConfigFaults) as caught:
        load(inner, environ={})
    assert sorted("itself" in str(one) or "under the configuration folder" in str(one) for one in caught.value.faults) == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00a", "no UTF-8"),
        (b"- 1\n", "a mapping of sections"),
        (b"a: \x00", "no YAML"),
        (b"#" * 2_000_001, "larger than"),
    ],
    ids=["binary", "a list", "NUL", "too large"],
)
def test_a_file_that_is_no_configuration_is_said_in_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigFaults, match=words):
        load(tmp_path, environ={})


def test_without_a_file_it_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match=r"copy config.yaml.example"):
        load(tmp_path, environ={})
    (tmp_path / "config.yaml").write_text("")
    assert load(tmp_path, environ={}).core.web.port == 8080


def test_a_few_aliases_cannot_fill_the_memory() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    assert any("aliases grow too large" in one for one in faults(bomb))


@given(st.one_of(st.text(max_size=80), st.text(alphabet="a: {}[]-&*!\n\t'\"#|>?,0", max_size=60)))
@example("!!timestamp x")
@example("a: 2026-01-01")
def test_any_text_is_a_configuration_or_has_faults_with_places(text: str) -> None:
    for fault in faults_in(text):
        assert fault.at is None or (fault.at.line >= 1 and fault.at.column >= 1)


def faults_in(text: str) -> list[ConfigError]:
    try:
        config_of(text)
    except ConfigFaults as error:
        return list(error.faults)
    return []


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("5 min", 300),
        ("1h", 3600),
        ("2d", 172_800),
        ("00:01:30", 90),
        (7, 7),
        (0.5, 0.5),
        ("1.5s", 1.5),
    ],
)
def test_durations_as_people_write_them(written: object, seconds: float) -> None:
    assert duration(written) == seconds


@pytest.mark.parametrize("wrong", ["soon", "-1s", -1, True, None, "10 parsecs", float("inf"), "1:2:3", "٣s"])
def test_what_is_no_duration(wrong: object) -> None:
    with pytest.raises(vol.Invalid):
        duration(wrong)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (port, 8080, 0),
        (port, 1, True),
        (slug_key, "light_bar", "Light Bar"),
        (device_id, "relay-board_1", "Relay"),
        (entity_id, "sensor.engine_rpm", "engine_rpm"),
        (entity_id, "switch.a", "toaster.a"),
        (topic_filter, "tele/+/SENSOR", "tele/a+"),
        (topic_filter, "#", 7),
    ],
)
def test_ids_topics_and_ports(kind: object, right: object, wrong: object) -> None:
    assert callable(kind)
    assert kind(right) == right
    with pytest.raises(vol.Invalid):
        kind(wrong)


def test_a_plugins_schema_gets_places_too() -> None:
    config = config_of("relays:\n  boards:\n    - device: main\n      chanels: {}\n")
    schema = vol.Schema({"boards": [vol.All({"device": str, vol.Required("channels"): dict, "on": bool})]})
    with pytest.raises(ConfigFaults) as caught:
        validate(schema, config.plugins["relays"], path="relays")
    texts = sorted(str(one) for one in caught.value.faults)
    assert "config.yaml:4:7 relays.boards[0].chanels: there is no key chanels; did you mean channels?" in texts
    assert any("relays.boards[0].channels: channels is missing; add it" in one for one in texts)
    unknown = config.unknown_section("relays", ["relay"])
    assert str(unknown) == "config.yaml:1:1 relays: there is no section and no plugin relays; did you mean relay?"
