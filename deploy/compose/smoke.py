"""``python3 -m deploy.compose.smoke``: upload a document to a running stack, wait until it is indexed, and ask for it.

With RAG_API_KEY in the environment that key is used; otherwise one is made by ``rag keys create`` in the code server's
container, for an hour. It needs nothing but Python.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from deploy.compose.env_file import FILE, read_env

COMPOSE = ("docker", "compose", "--file", str(Path(__file__).with_name("compose.yaml")))
COLLECTION = "handbook"
LIMIT_S = 180.0
TIMEOUT_S = 60.0


class Failed(Exception):
    """The stack does not do what it should; the message says what it did instead."""


def smoke(url: str, key: str | None, *, collection: str = COLLECTION, limit_s: float = LIMIT_S) -> str:
    """Return the answer to a question that only the document uploaded here answers; raises ``Failed``."""
    word = f"smoke{uuid.uuid4().hex[:8]}"
    text = f"# The {word} rule\n\nThe {word} valve is opened on Tuesdays at nine, by the keeper of the lighthouse.\n"
    accepted = _call(f"{url}/v1/documents?collection={collection}", key, form=(f"{word}.md", text))
    job = f"{url}/v1/jobs/{accepted['job_id']}"
    ends_s = time.monotonic() + limit_s
    while (state := _call(job, key))["status"] not in ("Completed", "Failed"):
        if time.monotonic() > ends_s:
            raise Failed(f"After {limit_s:.0f} s the upload is {state['status']}: {state.get('message')}")
        time.sleep(0.5)
    if state["status"] == "Failed":
        raise Failed(f"The upload failed: {json.dumps(state)}")
    question = {"collection": collection, "question": f"When is the {word} valve opened?"}
    answered = _call(f"{url}/v1/ask", key, body=question)
    answer = str(answered.get("answer") or "")
    if "Tuesday" not in answer or not answered.get("citations"):
        raise Failed(f"The answer is not from the document: {json.dumps(answered)}")
    return answer


def _call(
    url: str, key: str | None, *, body: dict[str, Any] | None = None, form: tuple[str, str] | None = None
) -> dict[str, Any]:
    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    data = None
    if body is not None:
        headers["content-type"], data = "application/json", json.dumps(body).encode()
    if form is not None:
        boundary, (name, text) = uuid.uuid4().hex, form
        headers["content-type"] = f"multipart/form-data; boundary={boundary}"
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        data = f"{head}{text}\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - of the stack that is tested
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Failed(f"{url}: {error.code} {error.read().decode(errors='replace')[:500]}") from error
    except OSError as error:
        raise Failed(f"{url}: {error}. Is the stack up? 'make stack-logs' says what it does.") from error


def _key_of_the_stack() -> str:
    scopes = ("--scope", "read", "--scope", "ingest", "--collection", COLLECTION)
    create = ("rag", "keys", "create", "smoke", "--rotate", "--json", "--expires", "1h", *scopes)
    command = (*COMPOSE, "exec", "-T", "code", *create)
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if made.returncode:
        raise Failed(f"No key could be made: {made.stderr.strip() or made.stdout.strip()}")
    return str(json.loads(made.stdout)["key"])


def address_of_the_stack(file: Path = FILE) -> str:
    """Return where the query API is published: as for Compose, the environment goes before .env."""
    return f"http://127.0.0.1:{os.environ.get('API_PORT') or read_env(file).get('API_PORT') or 8000}"


def main() -> int:
    """Try the stack; exit code 1 where it does not answer from what was uploaded."""
    try:
        answer = smoke(address_of_the_stack(), os.environ.get("RAG_API_KEY") or _key_of_the_stack())
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    sys.stdout.write(f"Uploaded, indexed, asked. The answer: {answer}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
