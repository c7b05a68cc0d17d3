"""values.schema.json refuses what could not work, by name; what it takes, Helm finds nothing wrong with."""

from typing import Any

import pytest
import yaml

from tests.deploy.chart.rendering import CHART, KUBERNETES, SETS, helm, refusal, rendered, value_arguments

pytestmark = pytest.mark.deploy

REFUSED = [
    ({"nonsense": 1}, "nonsense"),
    ({"api": {"replica": 3}}, "replica"),
    ({"api": {"replicas": "3"}}, "replicas"),
    ({"database": {"password": "word"}}, "password"),
    ({"database": {"credentials": {"existingSecret": ""}}}, "existingSecret"),
    ({"database": {"sslMode": "prefer"}}, "sslMode"),
    ({"database": {"sslMode": "verify-full"}}, "caConfigMap"),
    ({"database": {"name": "rag?options"}}, "database/name"),
    ({"vectors": {"qdrant": {"url": ""}}}, "qdrant/url"),
    ({"vectors": {"qdrant": {"url": "https://user:word@qdrant"}}}, "qdrant/url"),
    ({"vectors": {"store": "faiss"}}, "vectors/store"),
    ({"objectStore": {"parquet": "/var/parquet"}}, "parquet"),
    ({"images": {"api": {"digest": "sha256:abc"}}}, "digest"),
    ({"podDefaults": {"userId": 0}}, "userId"),
    ({"ingress": {"api": {"enabled": True, "host": "ask.example.com"}}}, "tlsSecret"),
    ({"ingress": {"dagster": {"enabled": True, "host": "d.example.com", "tlsSecret": "t"}}}, "authProxy"),
    (
        {"authProxy": {"enabled": True, "issuerUrl": "https://l", "existingSecret": "s", "emailDomains": []}},
        "emailDomains",
    ),
    ({"monitoring": {"serviceMonitor": {"enabled": True}}}, "apiKey"),
    ({"serviceAccounts": {"runs": {"create": False}}}, "runs/name"),
    ({"networkPolicy": {"egress": {"webhooks": {"ports": []}}}}, "egress/webhooks/ports"),
    ({"monitoring": {"prometheusRule": {"runbooks": "https://git.example/rag"}}}, "prometheusRule/runbooks"),
    ({"recovery": {"enabled": True}}, "recovery/backupUrl"),
    ({"recovery": {"backupUrl": "/backups/rag"}}, "recovery/backupUrl"),
    ({"recovery": {"schedule": "at night"}}, "recovery/schedule"),
    ({"chat": {"url": "https://chat.example/v1"}}, "chat/model"),
    ({"keda": {"listener": {"minReplicas": 2}}}, "keda/listener/minReplicas"),
    ({"collections": {"files": {"../etc.txt": "x"}}}, "collections/files"),
    ({"settings": {"not a variable": "x"}}, "'/settings': additional properties 'not a variable'"),
    ({"fullnameOverride": "my.rag"}, "fullnameOverride"),
    ({"fullnameOverride": "1rag"}, "fullnameOverride"),
    ({"nameOverride": "Rag"}, "nameOverride"),
    ({"database": {"credentials": {"existingSecret": "Bad Name"}}}, "credentials/existingSecret"),
    ({"images": {"pullSecrets": ["a..b"]}}, "images/pullSecrets/0"),
    ({"api": None}, "missing property 'api'"),
    ({"api": {"horizontal": None}}, "missing property 'horizontal'"),
    ({"recovery": {"scratchSize": None}}, "missing property 'scratchSize'"),
    ({"objectStore": {"computeLogs": {"prefix": None}}}, "missing property 'prefix'"),
]


@pytest.mark.parametrize(("wrong", "named"), REFUSED, ids=[named for _, named in REFUSED])
def test_schema_refuses(wrong: dict[str, Any], named: str) -> None:
    said = refusal(wrong)
    assert "don't meet the specifications of the schema" in said
    assert named in said.replace(".", "/"), said


def test_without_values_the_required_ones_are_named() -> None:
    done = helm("template", "x", str(CHART), "--kube-version", KUBERNETES)
    assert done.returncode != 0
    for name in ("images/ingestion/repository", "images/api/repository", "database/host", "objectStore/parquet"):
        assert name in done.stderr.replace(".", "/"), done.stderr


@pytest.mark.parametrize("name", SETS)
def test_lint_finds_nothing(name: str) -> None:
    done = helm("lint", "--strict", str(CHART), "--kube-version", KUBERNETES, *value_arguments(name))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_default_is_described_by_the_schema() -> None:
    """Rendering with every default written out is the same as without: the schema knows each of them."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    for key in ("images", "database", "vectors", "objectStore", "collections"):
        defaults.pop(key)
    assert rendered(more=defaults).documents == rendered().documents
