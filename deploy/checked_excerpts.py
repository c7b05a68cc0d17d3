"""What of files that change for many reasons `make deploy-check` rests on: where that stays, it is not repeated.

The images' install steps rest on the locks and on what our code imports, the chart and the compose file on commands and
on names of settings. What is compared with these files by the ordinary suite (.dockerignore, the layers) is not here.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping

Excerpt = Callable[[str], str]

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+(\w+)[\w.]*(?:[ \t]+as[ \t]+\w+)?$)", re.M
)


def locked(text: str) -> str:
    """Return a lock without its comments, which say who asked for a package."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def packaged(text: str) -> str:
    """Return what makes the wheel of pyproject.toml: commands, rooms, who builds it."""
    project = tomllib.loads(text)
    made = {name: project["project"].get(name) for name in ("name", "requires-python", "scripts")}
    return json.dumps([made, project.get("build-system"), project["tool"]["hatch"]], sort_keys=True)


def declared_settings(text: str) -> str:
    """Return the names of the settings that the class in the file declares."""
    return "\n".join(sorted(re.findall(r"^    ([a-z][a-z0-9_]*): ", text, re.MULTILINE)))


def deploy_check(text: str) -> str:
    """Return the Makefile's rule of the check."""
    found = re.search(r"^deploy-check:.*?\n(?=\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def imported(texts: Iterable[str]) -> str:
    """Return the packages, by their first names, that modules import."""
    return "\n".join(sorted({first or second for text in texts for first, second in _IMPORT.findall(text)}))


OF_FILES: Mapping[str, Excerpt] = {
    "Makefile": deploy_check,
    "pyproject.toml": packaged,
    "requirements/api-cuda.txt": locked,
    "requirements/api.txt": locked,
    "requirements/go.txt": locked,
    "requirements/ingestion-cuda.txt": locked,
    "requirements/ingestion.txt": locked,
    "resources/clients/settings.py": declared_settings,
}

IMAGES: Mapping[str, tuple[str, ...]] = {
    "api": ("rag_core", "resources/__init__.py", "resources/clients", "query_api"),
    "ingestion": (
        *("rag_core", "resources", "sensors", "rag_assets", "query_api"),
        *("recovery", "local_stack", "evaluation", "rag_client"),
    ),
}
"""Our rooms in each image: another import there may ask for a package that its lock does not have."""
