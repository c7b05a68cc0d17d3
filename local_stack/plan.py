"""Which parts a stack has: those that no URL setting replaces, with their commands, ports and keys."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from local_stack.dagster_home import dagster_environment, workspace_file
from local_stack.kafka_broker.part import kafka_part
from local_stack.parts import Part
from local_stack.postgres import database_url, server_command, server_environment
from local_stack.private_files import generated_secret
from local_stack.seaweed import SeaweedPorts, seaweed_command, seaweed_environment
from local_stack.secret_settings import references_of, without_secrets
from local_stack.warm_runs.importing import THREADLESS
from rag_core.errors import ConfigurationError
from resources.clients.settings import Settings

HOST = "127.0.0.1"
PART_NAMES = (
    *("postgres", "qdrant", "s3", "kafka"),
    *("dagster-webserver", "dagster-daemon", "run-workers", "api", "answers", "watcher", "listener"),
)
ONLY_WHEN_ASKED_FOR = ("s3", "kafka")
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
_OF_THIS_SHELL = {"parts", "api_key"}
"""Settings that say what to start and who asks; no part needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A stack to start: ``settings`` with every address filled in, the ``parts`` to start, and the replaced ones."""

    settings: Settings
    parts: tuple[Part, ...]
    replaced: dict[str, str]
    """Name of a part → the setting whose URL is used instead."""
    references: Mapping[str, str] = field(default_factory=dict[str, str])
    """Setting → the secret that it was given by."""

    def to_json(self) -> dict[str, Any]:
        """Return what is written to ``stack.json``; it holds the secrets that this stack made, and names others."""
        settings = self.settings.model_dump(mode="json", exclude={"home", *_OF_THIS_SHELL}, exclude_none=True)
        return {
            "settings": {name: self.references.get(name, value) for name, value in settings.items()},
            "parts": [without_secrets(part, self.references).to_json() for part in self.parts],
            "replaced": self.replaced,
        }


def plan_stack(settings: Settings, *, with_s3: bool, with_kafka: bool = False) -> Plan:
    """Decide what is started for ``settings`` (those of the environment alone); starts and probes nothing."""
    unknown = [name for name in settings.parts if name not in PART_NAMES]
    if unknown:
        raise ConfigurationError(
            f"RAG_PARTS names {', '.join(unknown)}, which is no part.", remedy=f"Parts are {', '.join(PART_NAMES)}."
        )
    asked = {name for name, is_asked in (("s3", with_s3), ("kafka", with_kafka)) if is_asked}
    unasked = {*ONLY_WHEN_ASKED_FOR, *(["qdrant"] if settings.vectors != "qdrant" else [])}
    default = () if settings.parts else [name for name in PART_NAMES if name not in unasked]
    wanted = {*settings.parts, *default, *asked}
    settings_of = {
        "postgres": "database_url",
        "qdrant": "qdrant_url",
        "s3": "s3_endpoint",
        "kafka": "kafka",
        "dagster-webserver": "dagster_url",
        "dagster-daemon": "dagster_url",
        "run-workers": "dagster_url",
        "api": "api_url",
        "answers": "api_url",
    }
    replaced = {
        name: f"RAG_{setting.upper()}"
        for name, setting in settings_of.items()
        if getattr(settings, setting) is not None
    }
    if settings.vectors == "timescale":
        replaced.pop("qdrant", None)
        if settings.timescale_url is not None:
            replaced["timescale"] = "RAG_TIMESCALE_URL"
    names = [name for name in PART_NAMES if name in wanted and name not in replaced]
    if settings.run_launcher == "default" and "run-workers" in names:
        names.remove("run-workers")
    filled = _with_addresses(settings, names)
    return Plan(
        settings=filled,
        parts=tuple(_part(name, filled, names) for name in names),
        replaced=replaced,
        references=references_of(settings, filled),
    )


def _with_addresses(settings: Settings, names: list[str]) -> Settings:
    """Fill in the address (and key) of every part that will be started."""
    home = settings.home
    known: dict[str, str] = {}
    if "postgres" in names:
        password = generated_secret(home, "postgres-password")
        port = settings.postgres_port
        known["database_url"] = database_url(port=port, password=password, database="rag")
        known["dagster_database_url"] = database_url(port=port, password=password, database="dagster")
    if "qdrant" in names:
        known["qdrant_url"] = f"http://{HOST}:{settings.qdrant_port}"
    if "dagster-webserver" in names:
        known["dagster_url"] = f"http://{HOST}:{settings.dagster_port}"
    if "api" in names:
        settings.check_api_is_guarded()
        known["api_url"] = f"http://{_reached_at(settings.api_host)}:{settings.api_port}"
        if "auth" not in settings.model_fields_set and settings.is_api_on_loopback:
            known["auth"] = "off"  # whoever reaches it can read the stack's files as well
    if "s3" in names:
        known["s3_endpoint"] = f"http://{HOST}:{settings.s3_port}"
        known["s3_access_key_id"] = generated_secret(home, "s3-access-key-id")
        known["s3_secret_access_key"] = generated_secret(home, "s3-secret-access-key")
    if "kafka" in names:
        known["kafka"] = f"{HOST}:{settings.kafka_port}"
    return settings.model_copy(update=known)


def _reached_at(host: str) -> str:
    """Return where this machine reaches a server that listens on ``host``."""
    if host in _EVERYWHERE:
        return HOST
    return f"[{host}]" if ":" in host else host


def _part(name: str, settings: Settings, names: list[str]) -> Part:
    makers = {
        "postgres": _postgres,
        "qdrant": _qdrant,
        "s3": _s3,
        "kafka": kafka_part,
        "dagster-webserver": _webserver,
        "dagster-daemon": _daemon,
        "run-workers": _run_workers,
        "api": _api,
        "answers": _answers,
        "watcher": _watcher,
        "listener": _listener,
    }
    part = makers[name](settings)
    # Only what this stack starts is waited for; a server behind a URL is there or the part says that it is not.
    needs = tuple(need for need in part.needs if need in names)
    return Part(**{**_values(part), "needs": needs, "folder": part.folder or str(Path.cwd())})


def _values(part: Part) -> dict[str, Any]:
    return {each.name: getattr(part, each.name) for each in fields(part)}


def _postgres(settings: Settings) -> Part:
    folder = settings.home / "postgres" / "data"
    return Part(
        name="postgres",
        command=tuple(server_command(folder, port=settings.postgres_port)),
        environment=server_environment(),
        inherits_environment=False,
        folder=str(folder),
        url=f"postgresql://{HOST}:{settings.postgres_port}/rag",
        port=settings.postgres_port,
        port_setting="RAG_POSTGRES_PORT",
        speaks="postgres",
        stop_signal="INT",  # PostgreSQL's fast shutdown: ends sessions, loses nothing
        stop_limit_s=60,
        runs_under_server_account=True,
    )


def _qdrant(settings: Settings) -> Part:
    folder = settings.home / "qdrant"
    return Part(
        name="qdrant",
        command=_python("local_stack.edge_server", "--path", str(folder), "--port", str(settings.qdrant_port)),
        environment=_environment(settings),
        url=settings.qdrant_url,
        port=settings.qdrant_port,
        port_setting="RAG_QDRANT_PORT",
        speaks="http",
        ready_path="/readyz",
        stop_limit_s=60,
    )


def _s3(settings: Settings) -> Part:
    folder = settings.home / "s3"
    ports = SeaweedPorts.beginning_at(settings.s3_port)
    return Part(
        name="s3",
        command=tuple(seaweed_command(folder / "data", ports=ports)),
        environment=seaweed_environment(
            folder,
            access_key=settings.require("s3_access_key_id"),
            secret_key=settings.require("s3_secret_access_key"),
        ),
        inherits_environment=False,
        folder=str(folder),
        url=settings.s3_endpoint,
        port=settings.s3_port,
        port_setting="RAG_S3_PORT",
        more_ports=ports.all()[1:],
        speaks="http",
    )


def _webserver(settings: Settings) -> Part:
    arguments = ("-h", HOST, "-p", str(settings.dagster_port), "-w", str(workspace_file(settings)))
    return Part(
        name="dagster-webserver",
        command=_python("dagster_webserver", *arguments),
        needs=("postgres", "s3"),
        environment=_environment(settings) | dagster_environment(settings),
        url=settings.dagster_url,
        port=settings.dagster_port,
        port_setting="RAG_DAGSTER_PORT",
        speaks="http",
        ready_path="/server_info",
        stops_group=True,
    )


def _daemon(settings: Settings) -> Part:
    return Part(
        name="dagster-daemon",
        command=_python("local_stack.dagster_daemon", str(workspace_file(settings))),
        needs=("postgres", "s3", "kafka"),
        environment=_environment(settings) | dagster_environment(settings),
        stop_limit_s=30,
        stops_group=True,
    )


def _run_workers(settings: Settings) -> Part:
    return Part(
        name="run-workers",
        command=_python("local_stack.warm_runs", "--idle", str(settings.run_workers)),
        needs=("postgres", "s3"),
        environment=_environment(settings) | dagster_environment(settings) | THREADLESS,
        stop_limit_s=30,
    )


def _api(settings: Settings) -> Part:
    return Part(
        name="api",
        command=_python("query_api"),
        needs=("postgres", "qdrant"),
        environment=_environment(settings),
        url=settings.api_url,
        host=_reached_at(settings.api_host),
        port=settings.api_port,
        port_setting="RAG_API_PORT",
        speaks="http",
        ready_path="/healthz",
    )


def _answers(settings: Settings) -> Part:
    return Part(
        name="answers",
        command=_python("query_api.worker"),
        needs=("postgres", "qdrant"),
        environment=_environment(settings),
        stop_limit_s=40,  # it has 20 s for what it is at, and some for giving the rest back
    )


def _watcher(settings: Settings) -> Part:
    return Part(
        name="watcher",
        command=_python("sensors.watcher"),
        needs=("postgres", "s3"),
        environment=_environment(settings) | dagster_environment(settings),
    )


def _listener(settings: Settings) -> Part:
    return Part(
        name="listener",
        command=_python("sensors.listener"),
        needs=("postgres", "s3", "kafka"),
        environment=_environment(settings),
    )


def _written(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the argv of one of our modules; -P keeps the folder that ``rag up`` was typed in off the import path."""
    return (sys.executable, "-P", "-m", module, *arguments)


def _environment(settings: Settings) -> dict[str, str]:
    """Return every setting that is known, under the name it is set by, and what S3 clients look for."""
    known = settings.model_dump(mode="json", exclude=_OF_THIS_SHELL, exclude_none=True)
    ours = {f"RAG_{name.upper()}": _written(value) for name, value in known.items()}
    return ours | settings.aws_environment() | {"PYTHONUNBUFFERED": "1"}
