"""Does in an empty folder what a builder does for a target of the Containerfile, step by step."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.images.containerfile import Containerfile, Stage

ROOT = Path(__file__).parents[3]
PLACES = ("/opt/rag", "/src", "/var/lib/rag", "/etc/rag")
_LEFT_OUT = {"PIP_NO_CACHE_DIR", "PATH"}
"""Of the builder's variables: an image must not hold a cache, a test is quick by one."""


def base_python() -> Path:
    """A Python that every user of this machine may run, of this one's version; this one where there is no other."""
    major, minor = sys.version_info[:2]
    own = Path(sys.base_prefix, "bin", f"python{major}.{minor}").resolve()
    candidates = [own, *(Path(folder, own.name) for folder in ("/usr/local/bin", "/usr/bin"))]
    return next((each for each in candidates if each.exists() and is_for_everyone(each)), own)


def is_for_everyone(path: Path) -> bool:
    """Say whether every user of this machine may pass through the folders of a path."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What a target holds, in a folder that stands for the root of its file system."""

    root: Path
    target: str
    containerfile: Containerfile

    def placed(self, text: str) -> str:
        """The text with the image's places turned into those of the folder."""
        pattern = "|".join(re.escape(place) for place in PLACES)
        return re.sub(rf"(?<![\w./-])({pattern})(?=[/:\s'\"]|$)", lambda found: f"{self.root}{found[1]}", text)

    def environment(self) -> dict[str, str]:
        """The variables that the image starts its processes with; nothing of ours."""
        declared = self.containerfile.environment_of(self.target)
        declared["PATH"] = declared["PATH"].replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
        placed = {name: self.placed(value) for name, value in declared.items()}
        # The root is shared with this machine's other users of /tmp.
        own = self.root / "tmp"
        return placed | {"TMPDIR": str(own), "RAG_HEARTBEAT": str(own / "heartbeat")}

    def make(self) -> None:
        """Run every stage that the target needs."""
        for place in PLACES:
            (self.root / place[1:]).mkdir(parents=True, exist_ok=True)
        (self.root / "tmp").mkdir()
        (self.root / "tmp").chmod(0o1777)
        # The builder's own Python, with its pip: what the base image has.
        subprocess.run([str(base_python()), "-m", "venv", str(self.root / "base")], check=True, timeout=120)
        for stage in self.containerfile.needed_by(self.target):
            self._run(stage)

    def _run(self, stage: Stage) -> None:
        folder, variables = self.root, dict[str, str]()
        inherited = [
            (word, arguments)
            for each in self.containerfile.line_of(stage.name)[:-1]
            for word, arguments in each.instructions
            if word in ("WORKDIR", "ENV")
        ]
        for word, arguments in [*inherited, *stage.instructions]:
            if word == "WORKDIR":
                folder = Path(self.placed(arguments))
            elif word == "ENV":
                variables |= dict(pair.split("=", 1) for pair in arguments.split())
            elif word == "COPY":
                self._copy(arguments, folder)
            elif word == "RUN":
                self._do(arguments, folder, {name: value for name, value in variables.items() if name not in _LEFT_OUT})

    def _copy(self, arguments: str, folder: Path) -> None:
        words = arguments.split()
        if words[0].startswith("--from="):
            # Stages share one folder here: nothing has to be moved where a thing keeps its place.
            assert words[1] == words[2], f"COPY {arguments}: from one place to another"
            return
        target = words[-1]
        into = Path(self.placed(target)) if target.startswith("/") else folder / target
        for word in words[:-1]:
            source = ROOT / word
            place = into / source.name if target.endswith("/") else into
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place)

    def _do(self, command: str, folder: Path, variables: dict[str, str]) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "PYTHON", "VIRTUAL"))}
        path = f"{self.root / 'base' / 'bin'}:{ours.get('PATH', '')}"
        done = subprocess.run(
            ["/bin/sh", "-euc", self.placed(command)],
            cwd=folder,
            env=ours | variables | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"RUN {command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
