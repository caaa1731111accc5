"""Executes our own Dockerfile step by step where there is no Docker engine: what its RUN and CMD do
is real.

It needs root on Linux. Each step runs in a throw-away overlay of this machine's file system, by the
user, in the folder and with the variables that the Dockerfile has set by then, and no others but
those that tell pip where to find packages. FROM is skipped: this machine stands in for the image,
with the Python that runs this, and without its user of uid 1000. EXPOSE and ARG do nothing here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
KNOWN = {"FROM", "ARG", "RUN", "USER", "ENV", "WORKDIR", "COPY", "EXPOSE", "CMD"}
SKIPPED = {"FROM", "ARG", "EXPOSE"}
CARRIED = re.compile(r"PIP_|(https?|all|no)_proxy$|SSL_CERT_|REQUESTS_CA_", re.IGNORECASE)
"""Variables of ours that a step gets too: without them pip may not reach its packages from here."""
START = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
POLITE = ("nice", "-n", "15")


class Step(NamedTuple):
    """An instruction of a Dockerfile and the rest of its line; continued lines are joined."""

    word: str
    rest: str


def steps(text: str) -> list[Step]:
    """The instructions. Raises ValueError for one that this file does not understand."""
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines)).splitlines()
    found = [Step(*(line.split(maxsplit=1))) for line in joined]
    for step in found:
        if step.word not in KNOWN:
            raise ValueError(f"no step here does what {step.word} does")
    return found


def copied(folder: Path, source: str) -> Iterator[Path]:
    """The files, relative to ``folder``, that COPY takes from there, without those that are
    ignored."""
    patterns = [
        line.strip().rstrip("/") for line in (folder / ".dockerignore").read_text().splitlines()
    ]
    if source != ".":
        yield Path(source)
        return
    for place, names, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        names[:] = [name for name in names if not ignored(here / name, patterns)]
        yield from (here / name for name in files if not ignored(here / name, patterns))


def ignored(path: Path, patterns: list[str]) -> bool:
    """Whether a path is named by a line of .dockerignore, of the kinds that ours has: a path from
    the root, or one at any depth after ``**/``."""
    return any(
        fnmatch(path.name, pattern.removeprefix("**/"))
        if pattern.startswith("**/")
        else fnmatch(str(path), pattern)
        for pattern in patterns
    )


class Image:
    """The state that a Dockerfile builds up. ``scratch`` is an empty folder; ``close`` when done.

    Make it in a mount namespace of its own (``unshare --mount``), so that nothing of it can stay
    behind.
    """

    def __init__(self, scratch: Path) -> None:
        self.root = scratch / "root"
        self._mounted: list[Path] = []
        self._upper, work = scratch / "upper", scratch / "work"
        for folder in (self.root, self._upper, work):
            folder.mkdir(parents=True)
        layers = f"lowerdir=/,upperdir={self._upper},workdir={work}"
        self._mount(self.root, "-t", "overlay", "-o", layers, "overlay")
        self._mount(self.root / "proc", "--rbind", "/proc")
        self._mount(self.root / "dev", "--rbind", "/dev")
        for parent in Path(sys.base_prefix).parents:
            place = self.at(str(parent))
            place.chmod(place.stat().st_mode | 0o111)  # the user must get to Python
        (self.root / "tmp").chmod(0o1777)
        for base in ("passwd", "shadow", "group"):
            file = self.root / "etc" / base
            lines = file.read_text().splitlines(keepends=True)
            there = _names_of_uid_1000()
            file.write_text("".join(line for line in lines if line.split(":")[0] not in there))
        carried = {name: value for name, value in os.environ.items() if CARRIED.match(name)}
        self.variables = {**START, "PATH": f"{sys.base_prefix}/bin:{START['PATH']}", **carried}
        self.user, self.folder = "root", "/"
        self.command: list[str] = []

    def _mount(self, place: Path, *how: str) -> None:
        *options, source = how
        subprocess.run(["mount", *options, source, place], check=True)
        self._mounted.append(place)

    def close(self) -> None:
        for place in reversed(self._mounted):
            subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(self._upper)  # gigabytes

    def take(self, step: Step) -> None:
        """Do what an instruction says. Raises CalledProcessError if a RUN fails."""
        if step.word == "RUN":
            subprocess.run(
                self.inside(["/bin/sh", "-c", step.rest]), env=self.variables, check=True
            )
        elif step.word == "USER":
            self.user = step.rest
        elif step.word == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(step.rest))
            new = {name: _filled(value, self.variables) for name, _, value in pairs}
            self.variables |= new
        elif step.word == "WORKDIR":
            self.folder = _filled(step.rest, self.variables)
            self.at(self.folder).mkdir(parents=True, exist_ok=True)  # root's, as Docker makes it
        elif step.word == "COPY":
            self._copy(step.rest.split())
        elif step.word == "CMD":
            self.command = json.loads(step.rest)

    def at(self, place: str) -> Path:
        """A path of the image as it is seen from outside."""
        return self.root / place.lstrip("/")

    def inside(self, command: list[str]) -> list[str]:
        """The command that runs ``command`` inside, as the user and in the folder of now."""
        there = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        ids = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups"]
        user = [] if self.user == "root" else ids
        return [*POLITE, "chroot", str(self.root), *user, "/bin/sh", "-c", there]

    def _copy(self, words: list[str]) -> None:
        owner, source, target = words[0].removeprefix("--chown="), words[1], words[2]
        folder = self.at(self.folder) / target
        tops = set()
        for path in copied(ROOT, source):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
            tops.add(f"{self.folder}/{path.parts[0]}")
        subprocess.run(
            ["chroot", self.root, "chown", "-R", f"{owner}:{owner}", *sorted(tops)], check=True
        )


def _filled(value: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: variables.get(match[1], ""), value)


def _names_of_uid_1000() -> set[str]:
    lines = Path("/etc/passwd").read_text().splitlines()
    return {line.split(":")[0] for line in lines if line.split(":")[2] == "1000"}
