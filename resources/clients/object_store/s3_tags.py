"""The tags of S3 objects, by botocore: obstore has no request for them.

botocore finds credentials where obstore does (variables, the machine's or the pod's role) and in profiles.
"""

# botocore has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
import threading
from collections.abc import Callable, Mapping
from typing import Any

from rag_core.errors import ConfigurationError, DocumentUnavailable
from resources.clients.object_store.port import RootMissing

_GONE = {"NoSuchKey", "MethodNotAllowed", "404", "405"}
"""No such object, or the newest version of it is a delete marker."""

_UNKNOWN = {"NotImplemented", "501"}
_CONNECTIONS = 16
_ATTEMPTS = 4
_CREDENTIALS = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
}


class S3Tags:
    """Reads the tags of one bucket's objects, from several threads at once; connects at first use."""

    def __init__(self, *, bucket: str, endpoint: str | None, environ: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._environ = environ
        self._lock = threading.Lock()
        self._opened: Any = None

    def of(self, full_key: str, *, uri: str, probe: Callable[[], object]) -> dict[str, str]:
        """Return an object's tags, none when it is gone; raises ``DocumentUnavailable`` while ``probe`` finds its root.

        ``full_key`` is the key within the bucket, ``uri`` what messages call it.
        """
        client = self._client()
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = client.get_object_tagging(Bucket=self._bucket, Key=full_key)
        except ClientError as error:
            code, status = _described(error)
            if code in _GONE:
                probe()
                return {}
            if code == "NoSuchTagSet":
                return {}
            if code in _UNKNOWN:
                raise ConfigurationError(
                    f"The store of {uri} knows no object tags.", remedy="Take the rule `from: tags` out of the source."
                ) from None
            if code == "NoSuchBucket":
                raise RootMissing(
                    f"The bucket {self._bucket} is not there.",
                    dependency=uri,
                    remedy="Create it, or correct the source's url or endpoint.",
                ) from None
            probe()
            remedy = "Grant s3:GetObjectTagging to whoever reads the source." if status in {401, 403} else ""
            raise DocumentUnavailable(
                f"Could not read the tags of {uri}: the store answered {status} {code}.", remedy=remedy
            ) from None
        except BotoCoreError as error:
            probe()
            raise DocumentUnavailable(
                f"Could not read the tags of {uri}: {type(error).__name__}.",
                remedy="Check the AWS_* variables if it goes on.",
            ) from error
        return {str(tag["Key"]): str(tag["Value"]) for tag in answer["TagSet"]}

    def _client(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = self._connected()
            return self._opened

    def _connected(self) -> Any:
        try:
            import botocore.session
            from botocore.config import Config
        except ImportError as error:
            raise ConfigurationError(
                "Metadata from object tags needs botocore, which is not installed.",
                remedy="Install rag-assets[aws], or take the rule `from: tags` out of the source.",
            ) from error
        config = Config(
            connect_timeout=5,
            read_timeout=10,
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            s3={"addressing_style": "path" if self._endpoint else "auto"},
        )
        session: Any = botocore.session.Session()
        return session.create_client(
            "s3",
            region_name=self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            endpoint_url=self._endpoint,
            config=config,
            **{name: self._environ[variable] for name, variable in _CREDENTIALS.items() if self._environ.get(variable)},
        )


def _described(error: Any) -> tuple[str, int]:
    """Return an answer's code and status; its message may repeat what was signed, and is left out."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code[:64], int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
