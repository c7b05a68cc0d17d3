"""The deep questions of ``rag up``: does a part really do its work, not only listen?

A probe returns ``""`` when the part is ready and otherwise what is still missing, for people to read. It raises where
waiting cannot help.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from local_stack.seaweed import BUCKET
from rag_core.errors import DependencyUnavailable
from resources.clients.settings import Settings

Probe = Callable[[], str]
TIMEOUT_S = 5

WORKSPACE_QUERY = """{ workspaceOrError { __typename ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
DAEMON_QUERY = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"


def probe_of(name: str, settings: Settings) -> Probe:
    """Return the probe of the part ``name``, whether this stack starts it or a URL setting names it."""
    probes: dict[str, Probe] = {
        "postgres": lambda: _sql(settings.require("database_url")),
        "qdrant": lambda: _http(settings.require("qdrant_url") + "/readyz", key=settings.qdrant_api_key),
        "timescale": lambda: _sql(settings.require("timescale_url")),
        "s3": lambda: _bucket(settings),
        "kafka": lambda: _brokers(settings.require("kafka")),
        "dagster-webserver": lambda: _workspace(settings.require("dagster_url")),
        "dagster-daemon": lambda: _daemons(settings.dagster_url),
        "api": lambda: _http(settings.require("api_url") + "/readyz"),
    }
    return probes.get(name, lambda: "")


def _sql(url: str) -> str:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT_S) as connection:
            return "" if connection.execute("SELECT 1").fetchone() == (1,) else "SELECT 1 gave no 1"
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]


def _http(url: str, *, key: str | None = None) -> str:
    request = urllib.request.Request(url, headers={} if key is None else {"api-key": key})  # noqa: S310 - http(s) only: the settings check it
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"{url} answers {error.code}"
    except OSError as error:
        return f"{url}: {getattr(error, 'reason', error)}"


def _bucket(settings: Settings) -> str:
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    try:
        store = S3Store(
            BUCKET,
            endpoint=settings.require("s3_endpoint"),
            access_key_id=settings.require("s3_access_key_id"),
            secret_access_key=settings.require("s3_secret_access_key"),
            region=settings.s3_region,
            client_options={"allow_http": True, "timeout": f"{TIMEOUT_S}s"},
            retry_config={"max_retries": 0},
        )
        store.list_with_delimiter("readiness/")
    except (BaseError, OSError) as error:
        return f"bucket {BUCKET}: {str(error).splitlines()[0][:200]}"
    return ""


def _brokers(addresses: str) -> str:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    limits_ms = {"bootstrap_timeout_ms": TIMEOUT_S * 1000, "request_timeout_ms": TIMEOUT_S * 1000}
    connection: dict[str, Any] = {"bootstrap_servers": addresses.split(","), **limits_ms}
    try:
        client: Any = KafkaAdminClient(**connection)  # Any: the stubs are of an older release
        with client:
            brokers = client.describe_cluster()["brokers"]
    except (KafkaError, OSError) as error:
        return f"{addresses}: {error}"
    return "" if any(not broker.get("is_fenced") for broker in brokers) else "no broker takes part in the cluster yet"


def _workspace(url: str) -> str:
    answer, missing = _graphql(url, WORKSPACE_QUERY)
    if missing:
        return missing
    entries = answer["workspaceOrError"].get("locationEntries", [])
    for entry in entries:
        result = entry["locationOrLoadError"] or {}
        if result.get("__typename") == "PythonError":
            raise DependencyUnavailable(
                f"Code location {entry['name']} does not load: {result['message'].strip()[:400]}",
                dependency="dagster-webserver",
                remedy="Everything was stopped. Correct it, then 'rag up' again.",
            )
        if entry["loadStatus"] != "LOADED":
            return f"code location {entry['name']} is loading"
    return "" if entries else "no code location yet"


def _daemons(url: str | None) -> str:
    if url is None:  # started without a webserver: nobody to ask
        return ""
    answer, missing = _graphql(url, DAEMON_QUERY)
    if missing:
        return missing
    statuses = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
    ailing = [each["daemonType"].lower() for each in statuses if each["required"] and not each["healthy"]]
    return f"no heartbeat yet from {', '.join(ailing)}" if ailing else ""


def _graphql(url: str, query: str) -> tuple[dict[str, Any], str]:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(  # noqa: S310 - http(s) only: the settings check it
        f"{url}/graphql", data=body, headers={"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - as above
            return json.load(response)["data"], ""
    except (OSError, ValueError, KeyError) as error:
        return {}, f"{url}: {getattr(error, 'reason', error)}"
