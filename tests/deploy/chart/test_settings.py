"""The chart's variables against the settings: what it sets exists, and what a person may add has an effect."""

import json
import re
from typing import Any

from resources.clients.settings import PREFIX, Settings
from tests.deploy.chart.rendering import CHART

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
SETTINGS = {f"{PREFIX}{name.upper()}": field for name, field in Settings.model_fields.items()}
SECRET = {name for name, field in SETTINGS.items() if not field.repr}
ONE_MACHINE = {
    f"{PREFIX}{name}" for name in ("WORKSPACE", "S3_ENDPOINT", "S3_REGION", "RUN_LAUNCHER", "RUN_WORKERS", "PARTS")
}
"""Settings of the stack that 'rag up' starts, beside its ports."""
OF_SOME = {"RAG_DAGSTER_URL"}
"""What the chart says to some components, and a person may say to the others."""


def made_by_the_chart() -> set[str]:
    text = "".join(file.read_text(encoding="utf-8") for file in sorted((CHART / "templates").iterdir()))
    return set(re.findall(rf"\b{PREFIX}[A-Z0-9_]+", text))


def test_every_variable_that_the_chart_sets_is_a_setting() -> None:
    assert made_by_the_chart() - SETTINGS.keys() == set()


def test_the_schema_takes_every_setting_that_has_an_effect_and_no_other() -> None:
    on_one_machine = ONE_MACHINE | {name for name in SETTINGS if name.endswith("_PORT")}
    left = SETTINGS.keys() - SECRET - on_one_machine - (made_by_the_chart() - OF_SOME)
    assert set(SCHEMA["$defs"]["setting"]["enum"]) == left


def test_what_is_taken_from_secrets_is_a_setting_of_ours_or_a_variable_of_a_collection() -> None:
    _, further, others = SCHEMA["$defs"]["fromSecrets"]["propertyNames"]["anyOf"]
    assert set(further["enum"]) <= SECRET - made_by_the_chart()
    assert others["allOf"][1] == {"not": {"pattern": f"^{PREFIX}"}}
