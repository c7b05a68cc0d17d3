"""A real S3 server (SeaweedFS) of a test session."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import uuid
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Self

import boto3
from botocore.config import Config

from local_stack.seaweed import REGION, SeaweedPorts, seaweed_command, seaweed_environment
from tests.services.loopback import free_ports, wait_until


class SeaweedServer:
    """An S3 server on free loopback ports while the ``with`` block lasts, with one identity that may do everything."""

    access_key = "only-for-tests"
    secret_key = "only-for-tests-secret"
    region = REGION

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="rag-seaweed-"))
        names = [field.name for field in fields(SeaweedPorts)]
        self._ports = SeaweedPorts(**dict(zip(names, free_ports(len(names)), strict=True)))
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports.s3}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill9()  # nothing is kept: no reason to wait for a clean end
        shutil.rmtree(self._home, ignore_errors=True)
        for port in self._ports.all():  # it also listens on sockets there and leaves them
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - the server chose it
                socket.unlink(missing_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which S3 clients (obstore, boto3) find this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
        }

    def start(self) -> None:
        """Start the server and return when it lists buckets."""
        data = self._home / "data"
        data.mkdir(exist_ok=True)
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                seaweed_command(data, ports=self._ports),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                env=seaweed_environment(self._home, access_key=self.access_key, secret_key=self.secret_key),
            )
        wait_until(self._answers, what="SeaweedFS to answer")

    def stop(self) -> None:
        """Ask the server to end, and wait for it."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """Kill the server as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again after ``kill9`` or ``stop``, or stop and start a running server; same endpoint, same objects."""
        self.stop()
        self.start()

    def create_bucket(self, *, versioned: bool = False) -> str:
        """Return the name of a fresh, empty bucket."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        with contextlib.closing(self.client()) as s3:
            s3.create_bucket(Bucket=name)
            if versioned:
                s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def client(self):
        """Return a boto3 S3 client of this server; close it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=REGION,
            config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 5}),
        )

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"SeaweedFS ended: {(self._home / 'log').read_text()[-2000:]}")
        try:
            with contextlib.closing(self.client()) as s3:
                return any(bucket["Name"] == "rag" for bucket in s3.list_buckets()["Buckets"])
        except Exception:  # noqa: BLE001 - whatever it is, the server is not ready
            return False

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(timeout=40)
            self._process = None
