"""What people install is listed, and nothing that could not be asked counts as clean."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(name="chain", scope="module")
def _chain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / "script" / "supply_chain.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_runs_in_a_vehicle_is_needed_and_what_tests_it_is_not(chain: ModuleType) -> None:
    needed = chain.needed("autocore")
    assert {"autocore", "paho-mqtt", "pluggy", "litestar", "msgspec"} <= needed
    assert not {"pytest", "mypy", "playwright", "ruff"} & needed


def test_the_bundled_front_end_is_listed_with_its_hashes_and_its_tools_are_not(chain: ModuleType) -> None:
    found = {entry["name"]: entry for entry in chain.front_end(json.loads((ROOT / "package-lock.json").read_text()))}
    assert {"htmx.org", "uplot", "@tabler/core"} <= set(found)
    assert not {"esbuild", "axe-core"} & set(found)
    assert found["uplot"]["purl"] == f"pkg:npm/uplot@{found['uplot']['version']}"
    assert found["@tabler/core"]["hashes"][0]["alg"] == "SHA-512"
    assert re.fullmatch("[0-9a-f]{128}", found["@tabler/core"]["hashes"][0]["content"])


def test_the_bill_keeps_only_what_is_shipped_and_no_edge_to_what_is_not(chain: ModuleType) -> None:
    everything = {
        "metadata": {"component": {"bom-ref": "root", "name": "autocore"}},
        "components": [{"bom-ref": "a", "name": "Paho_MQTT"}, {"bom-ref": "b", "name": "pytest"}],
        "dependencies": [{"ref": "root", "dependsOn": ["a", "b"]}, {"ref": "a", "dependsOn": ["b"]}, {"ref": "b"}],
    }
    made = chain.bill(everything, {"paho-mqtt"}, [{"bom-ref": "w", "name": "uplot"}])
    assert [component["name"] for component in made["components"]] == ["Paho_MQTT", "uplot"]
    assert made["dependencies"] == [{"ref": "root", "dependsOn": ["a"]}, {"ref": "a", "dependsOn": []}]


def test_a_hole_is_told_with_the_version_that_mends_it(chain: ModuleType) -> None:
    hole = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}
    report = {
        "dependencies": [{"name": "tank", "version": "2.0", "vulns": [hole]}, {"name": "fine", "version": "1", "vulns": []}]
    }
    assert chain.python_holes(report) == (["tank 2.0: PYSEC-2026-1, mended in 2.1"], 2, 0)


def test_packages_that_could_not_be_looked_up_are_not_counted_as_clean(chain: ModuleType) -> None:
    assert chain.python_holes({"dependencies": [{"name": "tank", "skip_reason": "not found"}]}) == ([], 0, 1)
    assert chain.web_holes({"message": "405"}) is None
    assert chain.web_holes({"vulnerabilities": {}}) == []


def test_every_locked_package_is_pinned_with_hashes() -> None:
    locks = sorted(ROOT.glob("requirements*.lock"))
    assert [lock.name for lock in locks] == ["requirements-audit.lock", "requirements-node.lock", "requirements.lock"]
    for lock in locks:
        packages = re.split(r"(?m)^(?=[A-Za-z0-9])", lock.read_text())[1:]
        assert packages
        for package in packages:
            assert re.match(r"[A-Za-z0-9._-]+==", package), package.splitlines()[0]
            assert "--hash=sha256:" in package, package.splitlines()[0]
    entries = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("integrity" in entry for path, entry in entries.items() if path)
