"""``python3 -m deploy.compose.env_file [PROFILE …]``: write .env with new passwords unless it is there; add profiles.

Compose reads .env by itself: what stands there holds for every command, with make and without, and for every upgrade.
It needs nothing but Python, so that a host without this project's environment can run the stack.
"""

import os
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

FILE = Path(__file__).with_name(".env")
NAMES = ("POSTGRES_PASSWORD", "QDRANT_API_KEY", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "GRAFANA_PASSWORD")
CHOSEN = "COMPOSE_PROFILES"

PROFILES: Mapping[str, Mapping[str, str]] = {
    "kafka": {"RAG_KAFKA": "kafka:9092"},
    "model": {"RAG_CHAT_URL": "http://ollama:11434/v1", "RAG_CHAT_MODEL": "llama3.2:3b"},
    "watch": {"RAG_OTLP_ENDPOINT": "http://jaeger:4318"},
}
"""What our programs are told where a profile is chosen."""


def write_env(file: Path) -> bool:
    """Write the file for its owner alone; False where it is there. Values are hexadecimal: they stand in URLs."""
    if file.exists():
        return False
    _write(file, [f"{name}={secrets.token_hex(20)}" for name in NAMES])
    return True


def read_env(file: Path) -> dict[str, str]:
    """Return the file's variables as Compose reads them, without substitutions; none where there is no file."""
    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        name, given, value = line.strip().removeprefix("export ").partition("=")
        if given and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].strip()
    return found


def add_profiles(file: Path, profiles: Iterable[str]) -> None:
    """Add profiles to those that the file has, and their settings where it has none of its own."""
    known, given = read_env(file), list(profiles)
    chosen = [name.strip() for name in known.get(CHOSEN, "").split(",") if name.strip()]
    wanted = {CHOSEN: ",".join(dict.fromkeys([*chosen, *given]))}
    for profile in given:
        wanted |= {name: known.get(name) or value for name, value in PROFILES[profile].items()}
    changed = {name: value for name, value in wanted.items() if known.get(name, "") != value}
    if changed:
        kept = [line for line in file.read_text(encoding="utf-8").splitlines() if line.partition("=")[0] not in changed]
        _write(file, [*kept, *(f"{name}={value}" for name, value in changed.items())])


def _write(file: Path, lines: Iterable[str]) -> None:
    """Put the lines into the file whole or not at all: passwords that are lost take their volumes with them."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as env:
        env.writelines(f"{line}\n" for line in lines)
    new.replace(file)


def main(arguments: Sequence[str], *, file: Path = FILE) -> int:
    """Write the file and add the profiles named; exit code 2 where there is no such profile."""
    unknown = [name for name in arguments if name not in PROFILES]
    if unknown:
        sys.stderr.write(f"There is no profile {', '.join(unknown)}; there are {', '.join(PROFILES)}.\n")
        return 2
    if write_env(file):
        sys.stdout.write(f"Wrote {file} with new passwords: who has this file and the volumes has everything.\n")
    add_profiles(file, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
