"""Values of the right shape that could not work: the chart says what to do instead, before anything is installed."""

from typing import Any

import pytest
import yaml

from tests.deploy.chart.rendering import refusal, rendered

pytestmark = pytest.mark.deploy

KEY = {"existingSecret": "s", "key": "k"}
HORIZONTAL = {"enabled": True, "minReplicas": 5, "maxReplicas": 2}
STREAMS = [{"topic": "pages", "group": "rag-assets.cms.pages"}]


def _files(**texts: str) -> dict[str, Any]:
    return {"collections": {"files": {f"{name}.yaml": text for name, text in texts.items()}}}


def _source(url: str) -> dict[str, Any]:
    return _files(more=yaml.safe_dump({"name": "more", "sources": [{"name": "inbox", "url": url}]}))


def _backup(url: str, **more: Any) -> dict[str, Any]:
    return {"recovery": {"enabled": True, "backupUrl": url}, **more}


def _keda(**more: Any) -> dict[str, Any]:
    return {"listener": {"enabled": True}, "keda": {"enabled": True, **more}}


REFUSED = [
    # what other values say, by the name of the value
    ({"settings": {"RAG_DATABASE_URL": "postgresql://h/d"}}, "settings.RAG_DATABASE_URL: say database."),
    ({"settings": {"RAG_PARQUET": "s3://other/parquet"}}, "settings.RAG_PARQUET: say objectStore.parquet."),
    ({"settings": {"RAG_HOME": "/data"}}, "settings.RAG_HOME: it is always /var/lib/rag."),
    ({"settings": {"RAG_AUTH": "off"}}, "settings.RAG_AUTH: the query API always asks for keys"),
    ({"settings": {"RAG_API_PORT": "80"}}, "settings.RAG_API_PORT: it is always 8000"),
    ({"settings": {"RAG_CHAT_URL": "https://chat.example/v1"}}, "settings.RAG_CHAT_URL: say chat.url."),
    ({"settings": {"RAG_CHAT_API_KEY": "k"}}, "settings.RAG_CHAT_API_KEY: say chat.apiKey."),
    ({"settings": {"RAG_WEBHOOK_SECRET": "s"}}, "is a secret: say secretSettings.RAG_WEBHOOK_SECRET"),
    ({"settings": {"RAG_ANSWER_TRESHOLD": "0.4"}}, "settings.RAG_ANSWER_TRESHOLD is no setting of docs/local-stack.md"),
    ({"settings": {"PATH": "/"}}, "settings.PATH is no setting"),
    ({"secretSettings": {"RAG_WEBHOK_SECRET": KEY}}, "secretSettings.RAG_WEBHOK_SECRET is no setting"),
    ({"secretSettings": {"PGPASSWORD": KEY}}, "secretSettings.PGPASSWORD: say database.credentials."),
    ({"kafka": {"environment": {"AWS_ACCESS_KEY_ID": KEY}}}, "AWS_ACCESS_KEY_ID: say objectStore.credentials."),
    ({"secretSettings": {"K": KEY}, "kafka": {"environment": {"K": KEY}}}, "secretSettings.K as well"),
    (
        {"settings": {"RAG_CHAT_SEED": "1"}, "secretSettings": {"RAG_CHAT_SEED": KEY}},
        "settings.RAG_CHAT_SEED as well",
    ),
    # a variable twice in one pod
    ({"api": {"environment": [{"name": "RAG_AUTH", "value": "off"}]}}, "environment of api says RAG_AUTH"),
    ({"dagster": {"runs": {"environment": [{"name": "PGUSER", "value": "me"}]}}}, "dagster.runs.environment says PG"),
    # collections that nobody could read
    (_files(broken="name: [notes\n"), "collections.files.broken.yaml is no YAML of a collection"),
    (_files(broken="- a list\n"), "collections.files.broken.yaml is no YAML of a collection"),
    (_source("inbox"), "the source inbox is a folder (inbox), and pods have none"),
    (_source("file:///srv/inbox"), "the source inbox is a folder (file:///srv/inbox)"),
    ({"collections": {"existingConfigMap": "ours"}}, "only the ConfigMap would be read"),
    # places of backups
    (_backup("s3://example-rag"), "(s3://example-rag) and objectStore.parquet (s3://example-rag/parquet) lie in one"),
    (_backup("s3://example-rag/parquet/"), "objectStore.parquet"),
    (_backup("s3://example-rag//parquet/backup"), "objectStore.parquet"),
    (_backup("s3://example-rag/compute-logs/b"), "objectStore.computeLogs"),
    (_backup("s3://example-notes/notes/backup"), "the source notes of collections.files.notes.yaml"),
    (_backup("s3://uploads", **_source("s3://uploads/in")), "the source inbox of collections.files.more.yaml"),
    # scaling
    ({"api": {"horizontal": HORIZONTAL}}, "api.horizontal.minReplicas (5) is more than api.horizontal.maxReplicas (2)"),
    (_keda(answers={"minReplicas": 5, "maxReplicas": 1}), "keda.answers.minReplicas (5) is more than"),
    (_keda(listener={"enabled": True}), "keda.listener.enabled needs keda.listener.streams or .queues"),
    (_keda(listener={"enabled": True, "streams": STREAMS}), "keda.listener.streams need kafka.bootstrapServers"),
    (
        {"launcher": {"enabled": False}, "keda": {"enabled": True, "launcher": {"enabled": True}}},
        "say launcher.enabled, too",
    ),
    ({"keda": {"enabled": True, "listener": {"enabled": True, "streams": STREAMS}}}, "say listener.enabled, too"),
]


@pytest.mark.parametrize(("wrong", "named"), REFUSED, ids=[f"{n}-{named}" for n, (_, named) in enumerate(REFUSED)])
def test_chart_says_what_to_do_instead(wrong: dict[str, Any], named: str) -> None:
    said = refusal(wrong)
    assert named in said
    assert "nil pointer" not in said


def test_releases_that_could_not_name_a_service_are_refused() -> None:
    said = refusal({}, release="1.x")
    assert "say fullnameOverride" in said


def test_places_beside_one_another_are_taken() -> None:
    chart = rendered(more=_backup("s3://example-rag/parquet-backups"))
    assert "recovery" in chart.of_kind("CronJob")


@pytest.mark.parametrize(
    "text",
    [
        "  name: notes\n  description: indented\n",
        "name: notes\n\n\ndescription: >-\n  folded  \n  text\n",
        "name: notes\r\ndescription: Für alle\t\r\n",
        'name: notes\ndescription: "{{ not a template }}"\n# the end',
    ],
)
def test_files_of_collections_arrive_as_they_were_said(text: str) -> None:
    chart = rendered(more=_files(notes=text))
    assert chart.of_kind("ConfigMap")["collections"]["data"] == {"notes.yaml": text}
