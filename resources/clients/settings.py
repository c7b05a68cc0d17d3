"""Every setting of the platform in one class; each is an environment variable with the prefix ``RAG_``.

The environment wins. What it leaves open is taken from the stack that runs in ``RAG_HOME`` (its ``stack.json``), so
that ``rag ask`` or ``dagster dev`` in another shell finds it. A variable that holds ``aws-secret:NAME#KEY`` stands for
that secret's value (``resources.clients.aws.secrets``). Nothing is read before ``load_settings()`` is called.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rag_core.errors import ConfigurationError
from rag_core.webhooks import SHORTEST_SECRET, parse_webhook_hosts
from resources.clients.aws.secrets import is_secret_reference, resolved_secret
from resources.clients.home import rag_home, read_stack

PREFIX = "RAG_"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_HOST = r"^[A-Za-z0-9.:_-]{1,253}$"
Port = Annotated[int, Field(ge=1, le=65535)]
Secret = Annotated[str | None, Field(repr=False)]


class Settings(BaseSettings):
    """The settings of one process; a URL that is ``None`` is neither set nor known from a running stack."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(description="Folder of all local state.")
    collections: Path = Field(Path("collections"), description="Folder with one YAML file per collection.")
    parquet: str = Field("", description="Folder or s3:// prefix of the Parquet layers; default HOME/parquet.")
    model_cache: Path = Field(Path(), description="Folder for compiled models; default HOME/models.")
    workspace: Path | None = Field(None, description="Dagster workspace file to serve instead of rag_assets.")

    database_url: Secret = Field(None, description="Catalog: postgresql://…; given, no PostgreSQL is started.")
    dagster_database_url: Secret = Field(None, description="Dagster's storage; default beside the catalog.")
    vectors: Literal["qdrant", "timescale"] = Field(
        "qdrant", description="Which store keeps the vectors: qdrant, or timescale (PostgreSQL with pgvector)."
    )
    timescale_url: Secret = Field(None, description="PostgreSQL of the vectors; default the catalog's.")
    qdrant_url: str | None = Field(None, description="Vector index; given, no Qdrant is started.")
    qdrant_api_key: Secret = Field(None, description="Key of the vector index.")
    api_url: str | None = Field(None, description="Query API; given, none is started.")
    dagster_url: str | None = Field(None, description="Dagster webserver; given, Dagster is not started.")
    api_key: Secret = Field(None, description="Key that the command line sends to the query API.")
    s3_endpoint: str | None = Field(None, description="S3 server; given, --s3 starts none.")
    s3_access_key_id: Secret = Field(None, description="Key id for the S3 server.")
    s3_secret_access_key: Secret = Field(None, description="Secret key for the S3 server.")
    s3_region: str = Field("us-east-1", description="Region for the S3 server.")
    kafka: str | None = Field(None, description="Kafka: host:port, comma-separated; given, --kafka starts none.")

    postgres_port: Port = Field(15432, description="Port of the started PostgreSQL.")
    qdrant_port: Port = Field(6333, description="Port of the started Qdrant.")
    dagster_port: Port = Field(3000, description="Port of the started Dagster webserver.")
    api_port: Port = Field(8000, description="Port of the started query API.")
    s3_port: Port = Field(8333, description="First of the ten ports of the started S3 server.")
    kafka_port: Port = Field(9092, description="First of the two ports of the started Kafka.")

    auth: Literal["required", "off"] = Field(
        "required", description="Whether the query API asks for keys; off only while it listens on loopback."
    )
    api_host: str = Field("127.0.0.1", pattern=_HOST, description="Address that the query API listens on.")
    api_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Host names under which the query API may be addressed; default by RAG_API_HOST."
    )
    requests_per_minute: int = Field(
        600, ge=1, le=1_000_000, description="Requests a minute of a key that says nothing else."
    )
    sessions_warm_days: int = Field(
        30, ge=0, le=36_500, description="With TimescaleDB: messages older than this are compressed; 0 never."
    )
    sessions_keep_days: int = Field(
        365, ge=0, le=36_500, description="Messages older than this are dropped, whole months; 0 never."
    )
    history_days: int = Field(
        90, ge=1, le=36_500, description="How long Parquet rows of replaced versions and finished runs are kept."
    )
    audit_days: int = Field(90, ge=1, le=36_500, description="How long the audit log is kept.")

    log_format: Literal["text", "json"] = Field("text", description="Form of the query API's log lines.")
    otlp_endpoint: str | None = Field(
        None, description="Receiver of OpenTelemetry spans, such as http://127.0.0.1:4318; none: no spans."
    )

    answer_threshold: float = Field(0.4, ge=0, le=1, description="Below this score of the best passage: no answer.")
    chat_url: str | None = Field(
        None, description="Chat server's API, such as http://127.0.0.1:11434/v1; none: quotes."
    )
    chat_model: str | None = Field(None, validate_default=True, description="The chat model's name at that server.")
    chat_api_key: Secret = Field(None, description="Key of the chat server.")
    chat_tokenizer: Path | None = Field(
        None, description="The chat model's tokenizer.json; none: tokens are estimated."
    )
    chat_context_tokens: int = Field(
        8192, ge=1024, le=4_000_000, description="What the model reads and writes at most."
    )
    chat_max_tokens: int = Field(512, ge=16, le=65_536, description="What the model writes at most.")
    chat_timeout_s: float = Field(60, gt=0, le=3600, description="How long an answer may take, waiting included.")
    chat_concurrency: int = Field(4, ge=1, le=1024, description="How many answers the model writes at once.")
    chat_queue: int = Field(16, ge=0, le=100_000, description="How many more wait; beyond them: 503, Retry-After.")
    chat_temperature: float = Field(0, ge=0, le=2, description="0: the likeliest words.")
    chat_seed: int | None = Field(None, description="Makes answers repeatable where the server can.")

    answers_queue: int = Field(
        1000, ge=1, le=1_000_000, description="How many asynchronous questions may wait; beyond them: 429, Retry-After."
    )
    answers_concurrency: int = Field(4, ge=1, le=256, description="How many questions one worker answers at once.")
    answers_lease_s: float = Field(
        20, ge=1, le=3600, description="A question is given to another worker when its own was silent for so long."
    )
    answers_keep_days: int = Field(7, ge=1, le=36_500, description="How long questions and their answers are kept.")
    worker_metrics: str | None = Field(
        None, description="Where a worker exports its metrics, such as 127.0.0.1:9101; none by default."
    )
    heartbeat: Path | None = Field(
        None, description="File that listener, watcher and workers touch while they live; none by default."
    )
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts that webhooks may tell: host, host:port, host=address; none by default."
    )
    webhook_secret: Secret = Field(None, validate_default=True, description="Secret that webhooks are signed with.")

    run_launcher: Literal["warm", "default"] = Field(
        "warm", description="How runs start: warm (workers that wait for them) or default (Dagster's own launcher)."
    )
    run_workers: int = Field(2, ge=1, le=16, description="How many warm run workers wait for a run.")
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads of a run's embedding model; default all cores of the machine."
    )
    parts: Annotated[tuple[str, ...], NoDecode] = Field((), description="Start only these parts; default all.")

    @field_validator("parts", "api_hosts", "webhook_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "dagster_database_url", "timescale_url")
    @classmethod
    def _is_postgresql(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a URL that begins with postgresql://")
        return value if value is None else value.replace("postgres://", "postgresql://", 1)

    @field_validator("kafka")
    @classmethod
    def _is_addresses(cls, value: str | None) -> str | None:
        addresses = [] if value is None else [address.strip() for address in value.split(",") if address.strip()]
        if any(not _ADDRESS.fullmatch(address) for address in addresses):
            raise ValueError("must be host:port, or several of them with commas between")
        return ",".join(addresses) or None

    @field_validator("worker_metrics")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("must be host:port")
        return value

    @field_validator("webhook_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        parse_webhook_hosts(value)
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("webhook_hosts") and len(value or "") < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} characters where RAG_WEBHOOK_HOSTS names hosts")
        return value

    @field_validator("chat_model")
    @classmethod
    def _is_named(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("chat_url") is not None:
            raise ValueError("must be set where RAG_CHAT_URL is")
        return value

    @field_validator("qdrant_url", "chat_url", "api_url", "dagster_url", "s3_endpoint", "otlp_endpoint")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must be a URL that begins with http:// or https://")
        return value if value is None else value.rstrip("/")

    def model_post_init(self, context: object, /) -> None:
        """Make every path absolute and fill in the folders that lie in the home by default."""
        del context
        fill = object.__setattr__  # the one moment at which frozen values are still being made
        home = self.home.expanduser().absolute()
        parquet = self.parquet or str(home / "parquet")
        fill(self, "home", home)
        fill(self, "collections", self.collections.expanduser().absolute())
        fill(self, "parquet", parquet if "://" in parquet else str(Path(parquet).expanduser().absolute()))
        fill(self, "model_cache", (home / "models" if self.model_cache == Path() else self.model_cache).absolute())
        fill(self, "workspace", None if self.workspace is None else self.workspace.expanduser().absolute())

    @property
    def is_api_on_loopback(self) -> bool:
        """Say whether only programs of this machine can reach the query API."""
        try:
            return ipaddress.ip_address(self.api_host).is_loopback
        except ValueError:
            return self.api_host == "localhost"

    def check_api_is_guarded(self) -> None:
        """Raise ``ConfigurationError`` where a query API without keys would be reachable from other machines."""
        if self.auth == "off" and not self.is_api_on_loopback:
            raise ConfigurationError(
                f"RAG_AUTH=off lets everybody in who reaches RAG_API_HOST={self.api_host}.",
                remedy="Leave RAG_AUTH out and make keys with 'rag keys create', or leave RAG_API_HOST at 127.0.0.1.",
            )

    def require(self, name: str) -> str:
        """Return the setting ``name`` (such as ``"database_url"``), or fail by the name a user can set."""
        value = getattr(self, name)
        if value is None:
            raise ConfigurationError(
                f"{PREFIX}{name.upper()} is not set and no stack that would know it runs in {self.home}.",
                remedy=f"Start one with 'rag up', or set {PREFIX}{name.upper()}.",
            )
        return str(value)

    def aws_environment(self) -> dict[str, str]:
        """Return the variables by which S3 clients (obstore, boto3) find the S3 server; empty without one."""
        if self.s3_endpoint is None:
            return {}
        known = {
            "AWS_ENDPOINT_URL": self.s3_endpoint,
            "AWS_ACCESS_KEY_ID": self.s3_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.s3_secret_access_key,
            "AWS_REGION": self.s3_region,
            "AWS_DEFAULT_REGION": self.s3_region,
            "AWS_ALLOW_HTTP": "true" if self.s3_endpoint.startswith("http://") else None,
        }
        return {name: value for name, value in known.items() if value is not None}


def load_settings(*, with_stack: bool = True) -> Settings:
    """Read the settings from the environment and, unless ``with_stack`` is false, from the running stack."""
    home = rag_home()
    stack: dict[str, Any] = read_stack(home).get("settings", {}) if with_stack else {}
    open_ones: dict[str, Any] = {
        name: value
        for name, value in stack.items()
        if name in Settings.model_fields and name != "home" and not os.environ.get(_variable(name))
    }
    named = {name: value for name, value in open_ones.items() if isinstance(value, str) and is_secret_reference(value)}
    try:
        return Settings(home=home, **{**open_ones, **_resolved(named | secret_references())})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        variable = PREFIX + "_".join(str(step) for step in first["loc"][:1]).upper()
        raise ConfigurationError(f"{variable}: {first['msg']}.", remedy=f"Correct {variable}.") from None


def secret_references() -> dict[str, str]:
    """Return setting → reference, of those settings whose variables name a secret of AWS Secrets Manager."""
    named = {name: os.environ.get(_variable(name), "") for name in Settings.model_fields if name != "home"}
    return {name: value for name, value in named.items() if is_secret_reference(value)}


def _resolved(references: Mapping[str, str]) -> dict[str, Any]:
    return {name: resolved_secret(value, setting=_variable(name)) for name, value in references.items()}


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"
