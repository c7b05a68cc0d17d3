"""The API server as the kubelet speaks to it: JSON over one pool of connections."""

import json
from pathlib import Path
from typing import Any

import urllib3


class AwayError(Exception):
    """The API server does not answer, or not now; whoever asked asks again."""


class RefusedError(Exception):
    """The API server understood and refused; ``status`` is its code."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class ApiServer:
    """Requests of one user to the API server that a kubeconfig (JSON) names."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._url = cluster["server"]
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        self._pool = urllib3.PoolManager(
            ca_certs=cluster["certificate-authority"], retries=False, timeout=5, maxsize=16
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return an object or a list."""
        return self._ask("GET", path, query=query)

    def find(self, path: str) -> dict[str, Any] | None:
        """Return an object, or None if there is none."""
        try:
            return self._ask("GET", path)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object."""
        return self._ask("POST", path, body=body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object."""
        return self._ask("PUT", path, body=body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Merge into an object; lists are replaced."""
        return self._ask("PATCH", path, body=body, kind="application/merge-patch+json")

    def delete(self, path: str, body: dict[str, Any] | None = None) -> None:
        """Delete an object; one that is gone already is fine."""
        try:
            self._ask("DELETE", path, body=body or {})
        except RefusedError as error:
            if error.status != 404:
                raise

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        kind: str = "application/json",
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = {**self._headers, "Content-Type": kind}
        text = None if body is None else json.dumps(body)
        fields = "&".join(f"{name}={value}" for name, value in (query or {}).items())
        try:
            answer = self._pool.request(
                method, f"{self._url}{path}{'?' if fields else ''}{fields}", body=text, headers=headers
            )
        except urllib3.exceptions.HTTPError as error:
            raise AwayError(str(error)) from error
        # A server that starts refuses (403) what it will allow once it has read its roles.
        if answer.status >= 500 or answer.status in {401, 403, 429}:
            raise AwayError(f"{answer.status}: {answer.data[:300]!r}")
        if answer.status >= 400:
            raise RefusedError(answer.status, answer.data.decode(errors="replace"))
        return json.loads(answer.data)
