"""Writes ``requirements.lock`` and ``docs/dependencies.md``: every package that requirements.txt
leads to, with its version, the hash of its wheel and its licence, for Python 3.11 on Linux (x86-64)
without a GPU.

To renew both, on such a machine with the network, where ``pip`` finds PyTorch's wheels for CPUs::

    python -m tests.lock_requirements
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
TABLE = ROOT / "docs" / "dependencies.md"
LOCK_HEAD = """\
# Every package of requirements.txt and what it needs, by version and hash, for Python 3.11 on Linux
# (x86-64) without a GPU. docs/dependencies.md says how to install from it and how to renew it.
"""
TABLE_HEAD = """\
# Dependencies

`requirements.txt` says which versions are meant to work; `requirements.lock` beside it holds one
set of them that was resolved together, with hashes, for Python 3.11 on Linux (x86-64), no GPU:

```
pip install --require-hashes -r requirements.lock
```

`torch` is the wheel of PyTorch's index for CPUs, which has to be named to pip
(`--extra-index-url`). On another system install `requirements.txt`.

To renew the lock and this table, after a change of `requirements.txt` or to take updates:
`python -m tests.lock_requirements`, then run the tests in an environment made from it. To look for
known vulnerabilities: `pip-audit --require-hashes -r requirements.lock`, with pip-audit in an
environment of its own.

| package | version | licence |
|---|---|---|
"""


def resolved() -> list[dict]:
    """The packages that pip would install, as its report has them."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--only-binary", ":all:", "--report", "-", "-r", str(ROOT / "requirements.txt")]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    packages = json.loads(report)["install"]
    return sorted(packages, key=lambda package: package_name(package))


def package_name(package: dict) -> str:
    return re.sub(r"[-_.]+", "-", package["metadata"]["name"]).lower()


def wheel_hash(package: dict) -> str:
    """The SHA-256 of the wheel, from the index or from the file itself."""
    source = package["download_info"]
    found = source.get("archive_info", {}).get("hashes", {}).get("sha256")
    if found:
        return found
    return hashlib.sha256(Path(unquote(urlparse(source["url"]).path)).read_bytes()).hexdigest()


def licence(name: str) -> str:
    """The licence, as the installed package's own metadata say it: an expression, else its
    classifiers, else a short text."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return "not installed where this was made"
    if expression := found.get("License-Expression"):
        return expression
    classifiers = [each for each in found.get_all("Classifier", []) if each.startswith("License")]
    if names := [each.rpartition(" :: ")[2] for each in classifiers]:
        return ", ".join(names)
    return (found.get("License") or "not said").splitlines()[0][:60]


def main() -> None:
    packages = resolved()
    versions = {package_name(each): each["metadata"]["version"] for each in packages}
    lines = [
        f"{name}=={versions[name]} \\\n    --hash=sha256:{wheel_hash(each)}\n"
        for name, each in zip(versions, packages, strict=True)
    ]
    LOCK.write_text(LOCK_HEAD + "".join(lines), encoding="utf-8")
    rows = [f"| {name} | {version} | {licence(name)} |\n" for name, version in versions.items()]
    TABLE.write_text(TABLE_HEAD + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
