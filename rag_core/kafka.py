"""What a collection file says about Kafka: brokers, the streams to read, where outcomes go; validated values."""

import re
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field, field_validator, model_validator

from rag_core.messages.dead_letters import DEAD_LETTERS_SUFFIX
from rag_core.messages.mapping import MessageMapping
from rag_core.messages.message import Form
from rag_core.metadata_rules import Declared, FrontMatterMetadata, PathMetadata, SidecarMetadata
from rag_core.names import EnvironmentName, Name
from rag_core.outcomes import Announcing

MIB = 1024 * 1024
DEFAULT_BOOTSTRAP_ENV = "RAG_KAFKA"
_MAX_TOPIC_CHARS = 249


def _usable_topic(topic: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", topic) or len(topic) > _MAX_TOPIC_CHARS or topic in {".", ".."}:
        message = f"{topic!r} is no topic's name: letters, digits, '.', '_' and '-', at most {_MAX_TOPIC_CHARS} of them"
        raise ValueError(message)
    return topic


def _host_and_port(server: str) -> str:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", server)
    if not found or not 0 < int(found[2]) < 65536:
        message = f"{server!r} is no host:port"
        raise ValueError(message)
    return server


Topic = Annotated[str, AfterValidator(_usable_topic)]
Server = Annotated[str, AfterValidator(_host_and_port)]
StreamMetadata = Annotated[PathMetadata | FrontMatterMetadata | SidecarMetadata, Field(discriminator="kind")]

# What a message says of its document is read as a sidecar's text is, wherever it is kept.
_DETAILS = SidecarMetadata.model_validate({"from": "sidecar"})


class KafkaSecurity(Declared):
    """How brokers are spoken to; user and password come from variables, keys and certificates from PEM files."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username_env: EnvironmentName | None = None
    password_env: EnvironmentName | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    key_password_env: EnvironmentName | None = None
    check_hostname: bool = True

    @model_validator(mode="after")
    def _parts_fit(self) -> "KafkaSecurity":
        login = {"mechanism": self.mechanism, "username_env": self.username_env, "password_env": self.password_env}
        files = {"ca_file": self.ca_file, "certificate_file": self.certificate_file, "key_file": self.key_file}
        if self.protocol.startswith("SASL") and None in login.values():
            message = f"{self.protocol} needs {', '.join(name for name, value in login.items() if value is None)}"
            raise ValueError(message)
        if not self.protocol.startswith("SASL") and any(login.values()):
            message = f"{self.protocol} takes no {', '.join(name for name, value in login.items() if value)}"
            raise ValueError(message)
        if not self.is_encrypted and (any(files.values()) or self.key_password_env or not self.check_hostname):
            message = f"{self.protocol} is not encrypted: it takes no certificates and no check_hostname"
            raise ValueError(message)
        if (self.key_file or self.key_password_env) and not self.certificate_file:
            message = "key_file and key_password_env need certificate_file"
            raise ValueError(message)
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.protocol.endswith("SSL")


class StreamTick(Declared):
    """What one look at a stream may take; at least one message is read, however large."""

    max_s: float = Field(default=8, ge=0.5, le=45)
    max_records: int = Field(default=20_000, ge=1, le=1_000_000)
    max_bytes: int = Field(default=64 * MIB, ge=1024, le=1024 * MIB)


class Stream(Declared):
    """Topics whose messages are documents, or hints to look at objects of the collection's other sources.

    ``metadata`` are rules as a bucket has them; what the messages themselves say comes last, so it wins.
    """

    name: Name
    topics: tuple[Topic, ...] = Field(min_length=1, max_length=1000)
    form: Form = Form.AUTO
    mapping: MessageMapping | None = Field(default=None, description="Given: form is mapping.")
    dead_letters: bool = Field(default=True, description="Whether they go to a topic too; they are always recorded.")
    metadata: tuple[StreamMetadata, ...] = Field(default=(), validate_default=True, max_length=50)
    tick: StreamTick = StreamTick()
    max_message_bytes: int = Field(default=16 * MIB, ge=1024, le=256 * MIB)

    @model_validator(mode="before")
    @classmethod
    def _mapping_is_a_form(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        fields = cast("dict[str, object]", given)
        return {"form": Form.MAPPING, **fields} if fields.get("mapping") is not None else fields

    @field_validator("metadata")
    @classmethod
    def _messages_speak_last(cls, rules: tuple[StreamMetadata, ...]) -> tuple[StreamMetadata, ...]:
        if any(isinstance(rule, SidecarMetadata) and rule != _DETAILS for rule in rules):
            message = "a stream has no sidecars: what would be in one is in the message's metadata"
            raise ValueError(message)
        return (*(rule for rule in rules if rule != _DETAILS), _DETAILS)

    @model_validator(mode="after")
    def _form_and_mapping_fit(self) -> "Stream":
        if (self.form is Form.MAPPING) != (self.mapping is not None):
            message = "`form: mapping` needs a mapping" if self.mapping is None else f"`form: {self.form}` takes none"
            raise ValueError(message)
        if len(set(self.topics)) < len(self.topics):
            message = "a topic is named twice"
            raise ValueError(message)
        return self

    @property
    def sidecar_suffix(self) -> None:
        """No other object stands beside a message's document: what it says of it comes with it."""
        return None

    @property
    def tag_fields(self) -> tuple[str, ...]:
        """Messages have no object tags."""
        return ()


class Outcomes(Declared):
    """Where it is announced what became of the collection's documents."""

    topic: Topic


class Kafka(Declared):
    """A cluster, the streams that a collection reads from it, and the topic that hears of the outcomes.

    ``cluster`` names it in the documents' URIs: another name makes other documents.
    """

    cluster: str = Field(default="main", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    bootstrap_servers: tuple[Server, ...] = Field(default=(), max_length=100)
    bootstrap_env: EnvironmentName | None = Field(
        default=None, description=f"Variable that holds host:port, comma-separated; default {DEFAULT_BOOTSTRAP_ENV}."
    )
    security: KafkaSecurity = KafkaSecurity()
    streams: tuple[Stream, ...] = Field(default=(), max_length=1000)
    outcomes: Outcomes | None = Field(default=None, description="Left out: no outcomes are sent.")

    @model_validator(mode="after")
    def _names_fit(self) -> "Kafka":
        names = [stream.name for stream in self.streams]
        topics = [topic for stream in self.streams for topic in stream.topics]
        written = {f"{topic}{DEAD_LETTERS_SUFFIX}" for s in self.streams if s.dead_letters for topic in s.topics}
        if self.outcomes is not None:
            written.add(self.outcomes.topic)
        problems = {
            "bootstrap_servers and bootstrap_env: give one of them": self.bootstrap_servers and self.bootstrap_env,
            "two streams have the same name": len(set(names)) < len(names),
            "a topic belongs to two streams": len(set(topics)) < len(topics),
            "a topic that is read would be written to (dead letters, outcomes)": written & set(topics),
            f"a topic's name is too long to have {DEAD_LETTERS_SUFFIX} behind it": any(
                len(topic) > _MAX_TOPIC_CHARS for topic in written
            ),
            "neither streams nor outcomes": not names and self.outcomes is None,
        }
        for message, found in problems.items():
            if found:
                raise ValueError(message)
        return self

    @property
    def bootstrap_variable(self) -> str | None:
        """The variable that names the brokers; None where the collection file does."""
        return None if self.bootstrap_servers else self.bootstrap_env or DEFAULT_BOOTSTRAP_ENV

    @property
    def announcing(self) -> Announcing:
        """Who hears of what becomes of the collection's documents."""
        return Announcing(
            outcomes_topic=None if self.outcomes is None else self.outcomes.topic,
            dead_letter_streams=frozenset(stream.name for stream in self.streams if stream.dead_letters),
        )

    def stream(self, name: str) -> Stream:
        """Return the stream of that name; raises ``KeyError``."""
        return {stream.name: stream for stream in self.streams}[name]
