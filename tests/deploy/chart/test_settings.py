"""The chart's variables against the settings: what it sets exists, and what a person may add has an effect."""

import json
import re
from typing import Any

import yaml

from resources.clients.settings import PREFIX, Settings
from tests.deploy.chart.rendering import CHART

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
LISTS = CHART / "templates" / "_variables.tpl"
SETTINGS = {f"{PREFIX}{name.upper()}": field for name, field in Settings.model_fields.items()}
SECRET = {name for name, field in SETTINGS.items() if not field.repr}
ONE_MACHINE = {
    f"{PREFIX}{name}" for name in ("WORKSPACE", "S3_ENDPOINT", "S3_REGION", "RUN_LAUNCHER", "RUN_WORKERS", "PARTS")
}
"""Settings of the stack that 'rag up' starts, beside its ports."""
OF_SOME = {"RAG_DAGSTER_URL"}
"""What the chart says to some components, and a person may say to the others."""


def made_by_the_chart() -> set[str]:
    files = [file for file in sorted((CHART / "templates").iterdir()) if file != LISTS]
    return set(re.findall(rf"\b{PREFIX}[A-Z0-9_]+", "".join(file.read_text(encoding="utf-8") for file in files)))


def _list(name: str) -> str:
    (found,) = re.findall(rf'define "rag.{name}" -}}}}\n(.+?)\n{{{{- end -}}}}\n', LISTS.read_text(), flags=re.DOTALL)
    return found


def test_every_variable_that_the_chart_sets_is_a_setting() -> None:
    assert made_by_the_chart() - SETTINGS.keys() == set()


def test_every_setting_that_has_an_effect_may_be_said_and_no_other() -> None:
    on_one_machine = ONE_MACHINE | {name for name in SETTINGS if name.endswith("_PORT")}
    left = SETTINGS.keys() - SECRET - on_one_machine - (made_by_the_chart() - OF_SOME)
    assert set(yaml.safe_load(_list("furtherSettings"))) == left
    assert set(SCHEMA["properties"]["settings"]["properties"]) == left, "editors complete them"


def test_of_every_other_setting_the_chart_says_what_to_say_instead() -> None:
    said = set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+|PG[A-Z]+", _list("variablesOfTheChart")))
    may = {*yaml.safe_load(_list("furtherSettings")), *yaml.safe_load(_list("secretVariables"))}
    assert {name for name in said if name.startswith(PREFIX)} == SETTINGS.keys() - may
    assert not said & may


def test_what_is_taken_from_secrets_is_a_secret_of_ours() -> None:
    assert set(yaml.safe_load(_list("secretVariables"))) <= SECRET - made_by_the_chart()
