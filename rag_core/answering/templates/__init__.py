"""Prompts as versioned files: a template's name is part of every answer that it led to."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

DEFAULT = "cited-v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The texts of a prompt; braces mark what is filled in."""

    name: str
    rules: str
    wishes: str
    passage: str
    question: str


@lru_cache(maxsize=8)
def load_template(name: str = DEFAULT) -> Template:
    """Return the template of that name and version; raises ``FileNotFoundError`` for one that was never made."""
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return Template(**{key: str(value).strip() for key, value in tomllib.loads(text).items()})


def filled(template: str, /, **values: str) -> str:
    """Return the template with each ``{name}`` replaced, in one pass: braces in a value fill nothing."""
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)
