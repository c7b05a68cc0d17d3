"""A collection's declaration: what one YAML file under ``collections/`` says, as validated values."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from rag_core.kafka import Kafka, Stream
from rag_core.metadata_rules import Declared, MetadataRule, SidecarMetadata, TagsMetadata
from rag_core.names import Name
from rag_core.notifications import Notifications
from rag_core.run_places import Runs, amount

MIB = 1024 * 1024


def _usable_glob(pattern: str) -> str:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        message = "a glob is relative to the source's root and has no '..'"
        raise ValueError(message)
    return pattern


Glob = Annotated[str, AfterValidator(_usable_glob)]

UNFINISHED: tuple[str, ...] = ("**/.*", "**/.*/**", "**/*~", "**/~$*", "**/*.part", "**/*.tmp", "**/*.crdownload")
"""Hidden files and what editors, office programs and browsers write before a document is finished."""


class Sweep(Declared):
    """How a source is swept: a whole pass every ``interval_s``, in ticks bounded in keys and seconds."""

    interval_s: float = Field(default=30, ge=1, le=86_400)
    max_keys_per_tick: int = Field(default=10_000, ge=100, le=1_000_000)
    max_s_per_tick: float = Field(default=8, ge=0.5, le=45)


class BucketSource(Declared):
    """A folder (``file://…``, or a path relative to the collection file's folder) or ``s3://bucket/prefix``."""

    name: Name
    url: str
    include: tuple[Glob, ...] = ("**",)
    exclude: tuple[Glob, ...] = ()
    ignore: tuple[Glob, ...] = Field(default=UNFINISHED, description="Excluded too: hidden and unfinished files.")
    metadata: tuple[MetadataRule, ...] = ()
    sweep: Sweep = Sweep()
    endpoint_env: str | None = Field(default=None, description="Variable that holds another S3 endpoint's URL.")
    listing: Literal["auto", "flat", "folders"] = Field(
        default="auto",
        description="How a bucket is listed. flat: the store lists in bytewise order (AWS, Ceph, MinIO). "
        "folders: folder by folder, right on every store. auto: flat on AWS, folders on another endpoint.",
    )
    notifications: Notifications | None = Field(default=None, description="Left out: sweeps alone look at the bucket.")
    watch: bool = True
    create: bool = Field(default=False, description="Make the folder when it is missing and nothing is known of it.")

    @field_validator("url")
    @classmethod
    def _scheme_is_known(cls, url: str) -> str:
        if "://" in url and not url.startswith(("file://", "s3://")):
            message = f"unknown scheme in {url!r}: use file://, s3:// or a path"
            raise ValueError(message)
        if not url.removeprefix("file://").removeprefix("s3://").strip("/"):
            message = "the url names no bucket and no folder"
            raise ValueError(message)
        return url

    @field_validator("metadata")
    @classmethod
    def _one_sidecar(cls, rules: tuple[MetadataRule, ...]) -> tuple[MetadataRule, ...]:
        if sum(isinstance(rule, SidecarMetadata) for rule in rules) > 1:
            message = "a source has one sidecar rule at most"
            raise ValueError(message)
        return rules

    @model_validator(mode="after")
    def _folders_are_no_buckets(self) -> "BucketSource":
        if self.is_folder and self.tag_fields:
            message = "`from: tags` needs an s3:// source: files of a folder have no tags"
            raise ValueError(message)
        if self.is_folder and self.notifications is not None:
            message = "`notifications` needs an s3:// source: a folder is watched without them (`watch: true`)"
            raise ValueError(message)
        return self

    @property
    def is_folder(self) -> bool:
        """Whether the source is a folder of this machine."""
        return not self.url.startswith("s3://")

    @property
    def sidecar_suffix(self) -> str | None:
        """What is added to an object's key to name its sidecar; None without a sidecar rule."""
        return next((rule.suffix for rule in self.metadata if isinstance(rule, SidecarMetadata)), None)

    @property
    def tag_fields(self) -> tuple[str, ...]:
        """The object tags that become metadata; empty where no rule takes any, and nobody asks for them."""
        return tuple(field for rule in self.metadata if isinstance(rule, TagsMetadata) for field in rule.fields)


class Uploads(Declared):
    """Where files sent to the query API are stored: under ``prefix/UPLOADER/NAME`` of one of the sources.

    ``max_bytes`` is the longest file; where it is left out, the collection's ``limits.max_document_bytes``.
    """

    source: Name
    prefix: str = Field(default="uploads", max_length=200, description="Key prefix within the source; may be empty.")
    max_bytes: int | None = Field(default=None, ge=1, le=4096 * MIB)
    max_files: int = Field(default=100, ge=1, le=1000, description="Files in one request.")
    max_request_bytes: int = Field(default=512 * MIB, ge=1024, le=16 * 1024 * MIB)

    @field_validator("prefix")
    @classmethod
    def _is_a_folder(cls, prefix: str) -> str:
        trimmed = prefix.strip("/")
        if trimmed and not all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", part) for part in trimmed.split("/")):
            message = "a prefix is made of path segments of letters, digits, '_', '-' and '.'; none begins with a dot"
            raise ValueError(message)
        return trimmed

    def key(self, uploader: str, name: str) -> str:
        """Return the key of an uploader's file, relative to the source's root."""
        return "/".join(part for part in (self.prefix, uploader, name) if part)


class Chunking(Declared):
    """How text is cut; lengths in the embedding model's tokens."""

    min_tokens: int = Field(default=60, ge=8, le=2000)
    max_tokens: int = Field(default=170, ge=32, le=4000)
    overlap_tokens: int = Field(default=0, ge=0, le=500)
    context: Literal["none", "title", "title+headings"] = "title+headings"

    @model_validator(mode="after")
    def _lengths_fit(self) -> "Chunking":
        if self.min_tokens * 2 > self.max_tokens:
            message = "max_tokens must be at least twice min_tokens"
            raise ValueError(message)
        if self.overlap_tokens * 2 > self.max_tokens:
            message = "overlap_tokens must be at most half of max_tokens"
            raise ValueError(message)
        return self


class Embedding(Declared):
    """Which model embeds: a short name, ``package:NAME`` of an installed package of weights, a path, or a hub name."""

    model: str = "all-MiniLM-L6-v2"
    runtime: Literal["auto", "openvino", "sentence-transformers"] = "auto"


class PayloadField(Declared):
    """A metadata field that filters use; it is indexed in Qdrant with this type."""

    name: Name
    type: Literal["keyword", "integer", "float", "bool", "datetime"] = "keyword"


class Index(Declared):
    """What the vector index knows beyond vectors."""

    fields: tuple[PayloadField, ...] = ()


class Limits(Declared):
    """Bounds on what one document may cost; beyond them it is quarantined with the limit's name."""

    max_document_bytes: int = Field(default=128 * MIB, ge=1, le=4096 * MIB)
    max_text_bytes: int = Field(default=32 * MIB, ge=1024, le=512 * MIB)
    max_pages: int = Field(default=20_000, ge=1)
    parse_timeout_s: float = Field(default=60, ge=0.1, le=3600)
    parse_memory_bytes: int = Field(default=1024 * MIB, ge=64 * MIB)
    max_attempts: int = Field(default=6, ge=1, le=100)


class OnQuarantine(StrEnum):
    """What happens to the last good version when the newest one fails for good."""

    KEEP = "keep"
    REMOVE = "remove"


class Collection(Declared):
    """A named corpus: sources and streams, chunking, embedding model, index, limits."""

    name: Name
    description: str = ""
    owners: tuple[str, ...] = ()
    sources: tuple[BucketSource, ...] = ()
    kafka: Kafka | None = Field(default=None, description="Streams to read, and where outcomes are announced.")
    chunking: Chunking = Chunking()
    embedding: Embedding = Embedding()
    index: Index = Index()
    uploads: Uploads | None = Field(default=None, description="Left out: the collection takes no uploads.")
    partition_size: int = Field(default=512, ge=1, le=10_000)
    partition_bytes: int = Field(default=256 * MIB, ge=MIB)
    limits: Limits = Limits()
    runs: Runs = Field(default=Runs(), description="Where and how runs take place.")
    pdf_passwords: tuple[str, ...] = Field(default=(), description="Names of variables that hold passwords.")
    on_quarantine: OnQuarantine = OnQuarantine.KEEP
    default_access: Literal["collection", "nobody"] = "collection"

    @model_validator(mode="after")
    def _source_names_differ(self) -> "Collection":
        names = [source.name for source in (*self.sources, *self.streams)]
        if not names:
            message = "the collection has no sources and no kafka.streams: name one at least"
            raise ValueError(message)
        if len(set(names)) < len(names):
            message = "two sources (or streams) have the same name"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _uploads_have_a_place(self) -> "Collection":
        if self.uploads is None:
            return self
        source = next((each for each in self.sources if each.name == self.uploads.source), None)
        if source is None:
            message = f"uploads.source names {self.uploads.source!r}, which is no source of the collection"
            raise ValueError(message)
        if selects(source, self.uploads.key(".incoming", "1.part")):
            message = f"source {source.name!r} must ignore hidden files: uploads are hidden until they are whole"
            raise ValueError(message)
        if (self.uploads.max_bytes or 0) > self.limits.max_document_bytes:
            message = "uploads.max_bytes is above limits.max_document_bytes: such a file would only be quarantined"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _a_pod_holds_the_parser(self) -> "Collection":
        memory = self.runs.kubernetes.limits.memory
        if memory is not None and amount(memory) <= self.limits.parse_memory_bytes:
            message = (
                f"runs.kubernetes.limits.memory {memory} does not hold the parser's limits.parse_memory_bytes "
                f"({self.limits.parse_memory_bytes // MIB} MiB): a large document would kill the run, not itself"
            )
            raise ValueError(message)
        return self

    @property
    def upload_bytes(self) -> int:
        """The longest file that an upload may bring."""
        asked = None if self.uploads is None else self.uploads.max_bytes
        return self.limits.max_document_bytes if asked is None else asked

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What is read from Kafka; none without a ``kafka:`` section."""
        return () if self.kafka is None else self.kafka.streams

    def bucket(self, name: str) -> BucketSource:
        """Return the folder or bucket of that name; raises ``KeyError``."""
        return {source.name: source for source in self.sources}[name]

    def source(self, name: str) -> BucketSource | Stream:
        """Return the source or stream of that name; raises ``KeyError``."""
        return {source.name: source for source in (*self.sources, *self.streams)}[name]


def selects(source: BucketSource, key: str) -> bool:
    """Say whether a key (relative to the source's root) names a document of the source.

    ``**`` crosses folders, ``*`` does not. A sidecar is part of its document and never one itself.
    """
    if source.sidecar_suffix is not None and key.endswith(source.sidecar_suffix):
        return False
    if _any_of(source.include).fullmatch(key) is None:
        return False
    return _any_of((*source.exclude, *source.ignore)).fullmatch(key) is None


@lru_cache(maxsize=4096)
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    """Translate globs once, into one expression that any of them matches; no glob matches nothing."""
    return re.compile("|".join(_translated(glob) for glob in globs) or r"(?!)", re.DOTALL)


def _translated(glob: str) -> str:
    """Translate a glob: ``**/`` is any number of folders, ``**`` anything, ``*`` and ``?`` stay in a segment."""
    out = ""
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif glob.startswith("**", at):
            out, at = out + ".*", at + 2
        elif glob[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif glob[at] == "?":
            out, at = out + "[^/]", at + 1
        else:
            out, at = out + re.escape(glob[at]), at + 1
    return f"(?:{out})"
