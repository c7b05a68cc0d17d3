"""From a source's declaration to an open store: where it lies, and how to connect."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rag_core.collection import BucketSource
from rag_core.errors import ConfigurationError
from resources.clients.object_store.folder import FolderStore
from resources.clients.object_store.port import ObjectStore
from resources.clients.object_store.s3 import S3ObjectStore
from resources.clients.object_store.s3_tags import S3Tags

HOME = "${RAG_HOME}/"


def open_store(source: BucketSource, base_dir: Path, *, environ: Mapping[str, str] | None = None) -> ObjectStore:
    """Return the source's store; it connects at first use. Relative paths start at ``base_dir``, the YAML's folder."""
    known = os.environ if environ is None else environ
    location = location_of(source, base_dir, environ=known)
    if isinstance(location, Path):
        return FolderStore(location)
    bucket, _, prefix = location.partition("/")
    connection = _connection(source, known)
    listing = source.listing
    if listing == "auto":
        listing = "folders" if "endpoint" in connection else "flat"
    endpoint = connection.get("endpoint")
    return S3ObjectStore(
        bucket=bucket,
        prefix=prefix.strip("/"),
        listing=listing,
        connection=connection,
        environ=known,
        tags=S3Tags(bucket=bucket, endpoint=None if endpoint is None else str(endpoint), environ=known),
    )


def location_of(source: BucketSource, base_dir: Path, *, environ: Mapping[str, str] | None = None) -> Path | str:
    """Return a folder's absolute path, or ``bucket/prefix`` of an S3 source.

    A url that begins with ``${RAG_HOME}/`` lies in the folder of all local state (``.rag`` where it is not set).
    """
    if source.url.startswith(HOME):
        home = (os.environ if environ is None else environ).get("RAG_HOME") or ".rag"
        return Path(os.path.normpath(Path(home).expanduser().absolute() / source.url.removeprefix(HOME)))
    if source.url.startswith("s3://"):
        return source.url.removeprefix("s3://")
    if source.url.startswith("file://"):
        parts = urlsplit(source.url)
        if parts.netloc not in {"", "localhost"}:
            raise ConfigurationError(
                f"{source.url!r} names the host {parts.netloc!r}; a folder is on this machine.",
                remedy="Write file:///absolute/path, or a path relative to the collection file.",
            )
        return Path(os.path.normpath(unquote(parts.path) or "/"))
    return Path(os.path.normpath(base_dir.absolute() / source.url))


def _connection(source: BucketSource, environ: Mapping[str, str]) -> dict[str, object]:
    """Return what obstore needs beyond its own reading of AWS_* variables, profiles and roles."""
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT")
    if source.endpoint_env is not None:
        endpoint = environ.get(source.endpoint_env)
        if not endpoint:
            raise ConfigurationError(
                f"Source {source.name!r} takes its endpoint from {source.endpoint_env}, which is not set.",
                remedy=f"Set {source.endpoint_env} to the S3 endpoint's URL.",
            )
    # `timeout` covers a whole download, however long; a server that sends nothing is given up after `read_timeout`.
    client: dict[str, object] = {"connect_timeout": "5s", "read_timeout": "20s", "timeout": "30m", "allow_http": False}
    if not endpoint:
        return {"client_options": client}
    # Another endpoint than AWS's was asked for by URL: only then, and only if that URL says so, plain HTTP is spoken.
    client["allow_http"] = endpoint.startswith("http://")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    connection: dict[str, object] = {
        "client_options": client, "endpoint": endpoint, "region": region, "virtual_hosted_style_request": False,
    }  # fmt: skip
    for name in ("access_key_id", "secret_access_key", "session_token"):
        value = environ.get(f"AWS_{name.upper()}")
        if value:
            connection[name] = value
    return connection
