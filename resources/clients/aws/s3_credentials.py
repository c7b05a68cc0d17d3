"""Credentials of S3 by the same chain that SQS and Secrets Manager use: obstore alone knows no profiles and no SSO.

Keys in the environment are left to obstore. Without botocore, which comes with the extra ``aws``, obstore looks
itself: web identity, the container's and the machine's role.
"""

# botocore has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from rag_core.errors import ConfigurationError
from resources.clients.aws.connecting import aws_session, region_of

if TYPE_CHECKING:
    from obstore.store import S3Credential

_ASKED_AGAIN = timedelta(minutes=10)
"""botocore renews what ends in less than ten minutes before it gives it away."""

_LEFT_TO_OBSTORE = "AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"


class ChainCredentials:
    """Gives obstore what botocore's chain finds, renewed before it ends; looks for nothing before the first call."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._lock = Lock()
        self._found: Any = None

    def __call__(self) -> "S3Credential":
        """Return credentials that are good for ten minutes at least; raises what botocore raises."""
        from botocore.exceptions import NoCredentialsError

        with self._lock:
            if self._found is None:
                self._found = self._session.get_credentials()
            if self._found is None:
                raise NoCredentialsError
        frozen = self._found.get_frozen_credentials()
        return {
            "access_key_id": str(frozen.access_key),
            "secret_access_key": str(frozen.secret_key),
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _ASKED_AGAIN,
        }


def s3_credentials(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what an obstore S3 store takes in addition, to use the standard chain; nothing where it needs none."""
    if any(environ.get(name) for name in _LEFT_TO_OBSTORE):
        return {}
    try:
        session = aws_session(needed_for="Reading S3")
    except ConfigurationError:  # no botocore
        return {}
    region = region_of(session)
    chain: dict[str, Any] = {"credential_provider": ChainCredentials(session)}
    return chain if region is None else chain | {"region": region}
