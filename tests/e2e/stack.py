"""A whole stack in a folder of its own: started by ``rag up --detach``, driven through files, GraphQL and REST."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from tests.services.loopback import free_block, free_ports

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("POSTGRES", "QDRANT", "DAGSTER", "API")

COLLECTION = """\
name: notes
description: Notes of a test.
owners: ["team:tests"]
partition_size: {partition_size}
sources:
  - name: inbox
    url: {url}
    include: ["**/*.md", "**/*.txt", "**/*.pdf", "**/*.html"]
    sweep: {{interval_s: 2}}
    metadata:
      - {{from: path, template: "{{team}}/**"}}
index:
  fields: [{{name: team, type: keyword}}]
"""


class Stack:
    """``rag up --detach`` in ``folder``; ``inbox`` is the watched source of the collection ``notes``."""

    def __init__(
        self,
        folder: Path,
        *,
        partition_size: int = 512,
        source_url: str | None = None,
        s3: bool = False,
        kafka: bool = False,
        more: str = "",
    ):
        self.folder = folder
        self.home = folder / "home"
        self.inbox = folder / "inbox"
        self.collections = folder / "collections"
        self.inbox.mkdir(parents=True)
        self.collections.mkdir()
        self._s3 = s3
        self._kafka = kafka
        url = source_url or self.inbox.as_uri()
        (self.collections / "notes.yaml").write_text(COLLECTION.format(url=url, partition_size=partition_size) + more)
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
        self.environment |= {f"RAG_{name}_PORT": str(port) for name, port in self.ports.items()}
        self.environment |= {"RAG_HOME": str(self.home), "RAG_COLLECTIONS": str(self.collections)}
        if s3:
            self.environment["RAG_S3_PORT"] = str(free_block(12))
        if kafka:
            self.environment["RAG_KAFKA_PORT"] = str(free_block(2))
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.ports['API']}", timeout=30)
        self.dagster = httpx.Client(base_url=f"http://127.0.0.1:{self.ports['DAGSTER']}", timeout=30)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as closing:
            closing.callback(self.rag, "down", check=False)
            closing.callback(self.api.close)
            closing.callback(self.dagster.close)

    def up(self) -> None:
        self.rag("up", "--detach", *(["--s3"] if self._s3 else []), *(["--kafka"] if self._kafka else []))

    @property
    def brokers(self) -> str:
        """The address of the stack's own Kafka."""
        return f"127.0.0.1:{self.environment['RAG_KAFKA_PORT']}"

    def rag(self, *words: str, check: bool = True, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the command line as a person would; fails with what it printed."""
        command = [str(Path(sys.executable).with_name("rag")), *words]
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"rag {' '.join(words)} → {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.tails()}"
            )
        return done

    def rag_json(self, *words: str) -> Any:
        return json.loads(self.rag(*words, "--json").stdout)

    def tails(self, lines: int = 25) -> str:
        """Return the ends of all logs, for the message of a failed wait."""
        return "\n".join(
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
            for log in sorted((self.home / "logs").glob("*.log"))
        )

    def write(self, key: str, text: str) -> Path:
        """Put a file into the inbox in one step, as a careful producer does."""
        path = self.inbox / key
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(text)
        temporary.replace(path)
        return path

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return what the API lists of the collection, by key; of a stream's documents that is TOPIC/ID."""
        found: dict[str, dict[str, Any]] = {}
        after = None
        while True:
            parameters = {"collection": "notes", "limit": 200} | ({"after": after} if after else {})
            page = self.api.get("/v1/documents", params=parameters).raise_for_status().json()
            found |= {document["key"]: document for document in page["documents"]}
            after = page.get("next_after")
            if not after:
                return found

    def search(self, query: str, **more: Any) -> list[dict[str, Any]]:
        answer = self.api.post("/v1/search", json={"collection": "notes", "query": query, **more})
        return answer.raise_for_status().json()["results"]

    def graphql(self, query: str, **variables: Any) -> Any:
        answer = self.dagster.post("/graphql", json={"query": query, "variables": variables}).raise_for_status().json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def pids(self, *, having: str) -> list[int]:
        """Return this stack's processes whose command line holds a word."""
        return [
            process.pid
            for process in psutil.process_iter(["cmdline", "environ"])
            if having in " ".join(process.info["cmdline"] or ())
            and (process.info["environ"] or {}).get("RAG_HOME") == str(self.home)
        ]

    def kill9(self, having: str) -> int:
        pids = self.pids(having=having)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def wait_for(self, what: str, seen: Callable[[], Any], *, limit_s: float = 120) -> Any:
        """Return what ``seen`` gives as soon as it is true; errors of a service that is restarting count as not yet."""
        ends = time.monotonic() + limit_s
        last: object = None
        while time.monotonic() < ends:
            try:
                last = seen()
            except httpx.HTTPError as error:
                last = error
            else:
                if last:
                    return last
            time.sleep(0.25)
        raise AssertionError(f"not seen in {limit_s} s: {what}; last: {last!r}\n{self.tails()}")

    def wait_settled(self, keys: Iterable[str], *, limit_s: float = 180) -> dict[str, dict[str, Any]]:
        """Wait until every key has reached an end state, and return all documents."""
        wanted = set(keys)
        ends = {"indexed", "unchanged", "quarantined", "deleted"}

        def settled() -> dict[str, dict[str, Any]] | None:
            found = self.documents()
            return found if all(found.get(key, {}).get("state") in ends for key in wanted) else None

        return self.wait_for(f"{len(wanted)} documents settled", settled, limit_s=limit_s)
