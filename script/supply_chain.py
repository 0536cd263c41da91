"""The bill of materials of what people install, and the known holes in it; `script/audit` runs this.

The bill (CycloneDX) holds what runs in a vehicle: the Python packages that AutoCore needs, without those of its tests, and
the front end's packages that are bundled. Holes are asked for by pip-audit and `npm audit` for everything that is locked,
tools included. What could not be asked is said: an answer about nothing is no clean bill.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
BILL = ROOT / "dist" / "autocore.cdx.json"
PATIENCE_S = 120


def normal(name: str) -> str:
    """Give the name of a package as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, found: set[str] | None = None) -> set[str]:
    """Give the packages that `name` needs here without its extras, itself included, by their normal names."""
    found = set() if found is None else found
    if normal(name) in found:
        return found
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return found  # for another platform
    found.add(normal(name))
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed(requirement.name, found)
    return found


def front_end(lock: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the components of a package-lock.json that are bundled."""
    components = []
    for path, entry in lock["packages"].items():
        if not path or entry.get("dev"):
            continue
        name = path.rpartition("node_modules/")[2]
        reference = f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}"
        algorithm, _, digest = entry["integrity"].partition("-")
        components.append(
            {
                "type": "library",
                "bom-ref": reference,
                "name": name,
                "version": entry["version"],
                "purl": reference,
                "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}],
                **({"licenses": [{"expression": entry["license"]}]} if "license" in entry else {}),
            }
        )
    return components


def bill(everything: Mapping[str, Any], wanted: set[str], bundled: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the bill of an environment, with the packages `wanted` only and those of the front end beside them."""
    kept = [component for component in everything["components"] if normal(component["name"]) in wanted]
    names = {component["bom-ref"] for component in kept} | {everything["metadata"]["component"]["bom-ref"]}
    edges = [
        {"ref": edge["ref"], "dependsOn": [name for name in edge.get("dependsOn", ()) if name in names]}
        for edge in everything["dependencies"]
        if edge["ref"] in names
    ]
    metadata = everything["metadata"]
    product = metadata["component"] | {"version": version("autocore")}
    return {**everything, "metadata": metadata | {"component": product}, "components": kept + bundled, "dependencies": edges}


def python_holes(report: Mapping[str, Any]) -> tuple[list[str], int, int]:
    """Give the holes in a report of pip-audit as sentences, how many packages were looked up, and how many could not be."""
    holes, unknown = [], 0
    for package in report["dependencies"]:
        unknown += "skip_reason" in package
        for hole in package.get("vulns", ()):
            mended = ", ".join(hole["fix_versions"]) or "no version yet"
            holes.append(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    return holes, len(report["dependencies"]) - unknown, unknown


def web_holes(report: Mapping[str, Any]) -> list[str] | None:
    """Give the holes in a report of `npm audit` as sentences, or None when the registry did not answer."""
    if "vulnerabilities" not in report:
        return None
    return [f"{name} {entry['range']}: {entry['severity']}" for name, entry in report["vulnerabilities"].items()]


def _told(command: list[str | Path]) -> dict[str, Any]:
    """Run a tool that prints JSON and may end with 1 because it found something."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, FileNotFoundError, json.JSONDecodeError):
        return {}
    return answer


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"audit: {line}")


def main(tools: Path) -> None:
    """Write the bill, then tell the holes."""
    command = [tools / "cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "--short-PURLs", "--output-reproducible"]
    made = subprocess.run([*command, sys.executable], cwd=ROOT, capture_output=True, text=True, check=True)
    bundled = front_end(json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8")))
    materials = bill(json.loads(made.stdout), needed("autocore") - {"autocore"}, bundled)
    BILL.parent.mkdir(exist_ok=True)
    BILL.write_text(json.dumps(materials, indent=2) + "\n", encoding="utf-8")
    _say([f"{BILL.relative_to(ROOT)} lists {len(materials['components'])} packages"])

    asked = ["--requirement", "requirements.lock", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    report = _told([tools / "pip-audit", *asked, "--format", "json", "--timeout", "15"])
    holes, known, unknown = python_holes(report or {"dependencies": []})
    _say(f"HOLE in {hole}" for hole in holes)
    if not known:
        _say(["WARNING: the list of holes in Python packages cannot be reached, so nothing is known of them"])
    elif unknown:
        _say([f"WARNING: {unknown} Python packages are not in the list of holes"])
    _say([f"{known} Python packages looked up, {len(holes)} holes"])

    web = web_holes(_told(["npm", "audit", "--json", "--package-lock-only"]))
    if web is None:
        _say(["WARNING: the list of holes in the front end's packages cannot be reached, so nothing is known of them"])
    else:
        _say(f"HOLE in {hole}" for hole in web)
        _say([f"the front end's packages looked up, {len(web)} holes"])


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
