"""A plugin of strangers: a distribution of its own, installed from its wheel, that knows only `autocore.api`."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from tests.conftest import AS_AN_AUTHOR

HERE = Path(__file__).parent
SOURCE = HERE / "autocore-tank"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel of the stranger's plugin is installed."""
    work = tmp_path_factory.mktemp("tank")
    shutil.copytree(SOURCE, work / "source")
    for po in (work / "source").rglob("*.po"):
        with po.open("rb") as source, po.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(work), str(work / "source")]
    subprocess.run(wheel, check=True, timeout=120)
    (made,) = work.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(work / "site"), str(made)], check=True, timeout=120)
    return work / "site"


def test_it_uses_the_public_interface_only() -> None:
    imported = {
        name
        for path in (SOURCE / "autocore_tank").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in getattr(node, "names", [])])
        if isinstance(node, (ast.Import, ast.ImportFrom)) and name and name.startswith("autocore")
    }
    assert imported == {"autocore.api"}


def test_installed_from_its_wheel_it_passes_its_own_tests(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(SOURCE / "tests")],
        cwd=site,
        env={**os.environ, **AS_AN_AUTHOR, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


def test_its_version_is_its_own(site: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("tank: {litres: 80}\n")
    check = subprocess.run(
        [sys.executable, "-m", "autocore", "check", "--config", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert check.stdout == "valid: tank would run\n", check.stderr
