"""What `autocore plugin new` writes: a plugin that does something, with its test, ready to be changed."""

from __future__ import annotations

from pathlib import Path

from autocore.core.errors import InvalidData
from autocore.core.names import slug

_RESERVED_WORDS = (
    "autocore mqtt web storage auth logging devices history backup notifications plugin_dirs entities services plugins events "
    "config users display sensor binary_sensor switch button number select text light cover event position"
)
RESERVED = frozenset(_RESERVED_WORDS.split())

CODE = '''"""@Title@: one topic becomes a sensor, with a service and a page of its own."""

import voluptuous as vol

from autocore.api import N_, Message, Panel, PluginHost, Sensor, ServiceCall, hookimpl
@page@

@hookimpl
def config_schema() -> vol.Schema:
    """Say what the section `@name@:` may hold."""
    return vol.Schema({vol.Optional("topic", default="@name@/data"): str})


@hookimpl
def setup(host: PluginHost, config: dict) -> None:
    """Add the sensor, listen, offer the service and show the page."""
    offset = 0.0
    sensor = host.entities.add(Sensor("@name@_value", name="@Title@", state_class="measurement", precision=1))

    @host.mqtt.subscribe(config["topic"])
    def reading(message: Message) -> None:
        sensor.set(message.json()["value"] + offset)

    async def calibrate(call: ServiceCall) -> None:
        nonlocal offset
        offset = call.data["offset"]

    host.services.add("calibrate", calibrate, schema=vol.Schema({vol.Required("offset"): vol.Coerce(float)}))
    host.panels.add(Panel(N_("@Title@"), icon="gauge", @template@))
'''

PAGE = """{% from "components/macros.html" import state, form with context %}
<section class="card"><p class="figure">{{ state(entity("sensor.@name@_value")) }}</p></section>
<section class="card">{{ form("@name@.calibrate") }}</section>
"""

TEST = '''"""@Title@ on the road."""

from autocore.testing import Car


async def test_a_reading_is_shown(car: Car) -> None:
    await car.start("@name@:")
    car.publish("@name@/data", {"value": 21.5})
    assert car.value("sensor.@name@_value") == 21.5
    assert "21.5" in await car.page("/@name@")


async def test_it_can_be_calibrated(car: Car) -> None:
    await car.start("@name@:")
    await car.call("@name@.calibrate", {"offset": -1.5})
    car.publish("@name@/data", {"value": 21.5})
    assert car.value("sensor.@name@_value") == 20.0
'''

PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "autocore-@dash@"
version = "0.1.0"
description = "@Title@ for AutoCore"
requires-python = ">=3.11"
dependencies = ["autocore"]

[project.optional-dependencies]
test = ["autocore[test]"]

[project.entry-points."autocore.plugins"]
@name@ = "autocore_@name@"

[tool.hatch.build.targets.wheel]
packages = ["autocore_@name@"]

[tool.pytest.ini_options]
asyncio_mode = "auto"
"""

WORDS = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: pt_BR\\n"

msgid "@Title@"
msgstr "@Title@"
"""

README = """# @Title@ for AutoCore

Switch it on in `config.yaml`:

```yaml
@name@:
  topic: @name@/data
```

Try it: `pip install -e '.[test]'`, then `pytest`.
"""


def write_plugin(name: str, into: Path, *, is_single_file: bool) -> list[Path]:
    """Write a new plugin into the folder `into` and give the files.

    Raises:
        InvalidData: the name cannot be a plugin's, or something stands there already.
    """
    if not name or name != slug(name) or name[0].isdigit():
        raise InvalidData(f"a plugin's name is a-z, 0-9 and _, e.g. {slug(name) or 'fridge'}")
    if name in RESERVED:
        raise InvalidData(f"{name} is a name of the gateway's own; take another")
    files = _single(name) if is_single_file else _package(name)
    targets = {into / place: text for place, text in files.items()}
    for target in targets:
        if target.exists():
            raise InvalidData(f"{target} exists already; nothing was written")
    for target, text in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(text, name), encoding="utf-8")
    return list(targets)


def _single(name: str) -> dict[str, str]:
    page = f'\nPAGE = """{PAGE}"""\n'
    code = CODE.replace("@page@", page).replace("@template@", "source=PAGE")
    return {f"{name}.py": code, f"test_{name}.py": TEST, "pytest.ini": "[pytest]\nasyncio_mode = auto\n"}


def _package(name: str) -> dict[str, str]:
    package = f"autocore-{name.replace('_', '-')}"
    code = CODE.replace("@page@", "").replace("@template@", 'template="@name@.html"')
    return {
        f"{package}/pyproject.toml": PROJECT,
        f"{package}/README.md": README,
        f"{package}/autocore_{name}/__init__.py": code,
        f"{package}/autocore_{name}/templates/{name}.html": PAGE,
        f"{package}/autocore_{name}/locales/pt_BR/LC_MESSAGES/messages.po": WORDS,
        f"{package}/tests/test_{name}.py": TEST,
    }


def _filled(text: str, name: str) -> str:
    title = name.replace("_", " ").capitalize()
    return text.replace("@name@", name).replace("@dash@", name.replace("_", "-")).replace("@Title@", title)
