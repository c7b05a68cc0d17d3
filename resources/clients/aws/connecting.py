"""Sessions and clients of AWS: credentials by the standard chain, errors that say whether to try again.

botocore looks, in this order, for variables (``AWS_ACCESS_KEY_ID`` …), a web identity (IRSA: ``AWS_ROLE_ARN`` with
``AWS_WEB_IDENTITY_TOKEN_FILE``, exchanged at STS), profiles and SSO, the container's and the machine's role; it renews
what expires. Endpoints of single services come from ``AWS_ENDPOINT_URL_<SERVICE>``.
"""

# botocore has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import contextlib
import os
from collections.abc import Generator, Mapping
from typing import Any

from rag_core.errors import ConfigurationError, DependencyUnavailable

_DENIED = {401, 403}
_ATTEMPTS = 3


class AwsRefused(DependencyUnavailable):
    """AWS answered that the caller may not do that: nothing that an outage would end."""


def aws_session(*, needed_for: str) -> Any:
    """Return a botocore session; raises ``ConfigurationError`` that says what to install where there is no botocore."""
    try:
        import botocore.session
    except ImportError as error:
        raise ConfigurationError(
            f"{needed_for} needs botocore, which is not installed.", remedy="Install rag-assets[aws]."
        ) from error
    return botocore.session.Session()


def aws_client(
    service: str, *, needed_for: str, region: str | None, endpoint: str | None = None, read_timeout_s: float = 10
) -> Any:
    """Return a client of a service; raises ``ConfigurationError`` where no region is known."""
    session = aws_session(needed_for=needed_for)
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=5, read_timeout=read_timeout_s, retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}
    )
    region = region or region_of(session)
    if region is None:
        raise ConfigurationError(f"{needed_for}: no AWS region is known.", remedy="Set AWS_REGION.")
    try:
        return session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"{needed_for}: {_first_line(error)}.", remedy="Check the AWS_* variables and profiles."
        ) from None


def region_of(session: Any) -> str | None:
    """Return the region of the environment or the profile; None where neither says one."""
    given = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return given or session.get_config_variable("region")


@contextlib.contextmanager
def translating_aws(
    what: str, *, doing: str, missing: Mapping[str, str] | None = None, right: str = ""
) -> Generator[None]:
    """Turn botocore's errors into ours; ``what`` names the dependency.

    ``missing`` maps error codes that mean "there is no such thing" to remedies; ``right`` is what to grant where the
    service refuses. What a service says is left out of messages: it may repeat what was signed.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield
    except ClientError as error:
        code, status = described(error)
        if code in (missing or {}):
            raise ConfigurationError(
                f"Could not {doing}: there is no {what} ({code}).", remedy=(missing or {})[code]
            ) from None
        said = f"Could not {doing}: AWS answered {status} {code}."
        remedy = f"Check the credentials{f', and grant {right}' if right else ''}."
        if "Token" in code:  # of credentials that ended or are unknown: it says nothing of what they may do
            raise DependencyUnavailable(said, dependency=what, remedy=remedy) from None
        if status in _DENIED or "AccessDenied" in code:
            raise AwsRefused(said, dependency=what, remedy=remedy) from None
        raise DependencyUnavailable(said, dependency=what, remedy="It is tried again by itself.") from None
    except (NoCredentialsError, PartialCredentialsError):
        raise ConfigurationError(
            f"Could not {doing}: no AWS credentials were found.",
            remedy="Give them by AWS_* variables, a profile, or the role of the pod, container or machine.",
        ) from None
    except BotoCoreError as error:
        raise DependencyUnavailable(
            f"Could not {doing}: {type(error).__name__}.", dependency=what, remedy="It is tried again by itself."
        ) from None


def described(error: Any) -> tuple[str, int]:
    """Return an answer's code, without the namespace that old ones have, and its status."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code[:96], int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
