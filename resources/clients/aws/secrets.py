"""Settings that name a secret of AWS Secrets Manager in place of a value: ``aws-secret:NAME``, ``aws-secret:NAME#KEY``.

``NAME`` is a secret's name or ARN; ``KEY`` is a field of a secret that is a JSON object. A value is kept for five
minutes, so a rotated one reaches a long-lived process without a restart, and longer while Secrets Manager is away.
"""

# botocore has no types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
import json
import logging
import os
import re
import time
from threading import Lock
from typing import Any, cast

from rag_core.errors import ConfigurationError, DependencyUnavailable
from resources.clients.aws.connecting import aws_client, translating_aws

PREFIX = "aws-secret:"
KEPT_S = 300.0
_REFERENCE = re.compile(r"([A-Za-z0-9/_+=.@:-]{1,2048})(?:#([^#\s]{1,256}))?")
_REGION_OF_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):")
_log = logging.getLogger(__name__)
_LOCK = Lock()
_KEPT: dict[tuple[str, int], tuple[float, str]] = {}
"""By name and process: when it was asked for, and the secret's text."""


def is_secret_reference(value: str) -> bool:
    """Say whether a setting's value names a secret."""
    return value.startswith(PREFIX)


def resolved_secret(reference: str, *, setting: str, clock_s: float | None = None) -> str:
    """Return what a reference names; raises ``ConfigurationError``, or ``DependencyUnavailable`` while AWS is away.

    No message holds any of a secret's text.
    """
    found = _REFERENCE.fullmatch(reference.removeprefix(PREFIX))
    if found is None:
        raise ConfigurationError(
            f"{setting} begins with {PREFIX} and names no secret.", remedy=f"Write {PREFIX}NAME or {PREFIX}NAME#KEY."
        )
    name, key = found[1], found[2]
    text = _kept(name, setting, time.monotonic() if clock_s is None else clock_s)
    return text if key is None else _field(text, name, key, setting)


def _kept(name: str, setting: str, now_s: float) -> str:
    place = name, os.getpid()
    with _LOCK:
        known = _KEPT.get(place)
        if known is not None and now_s - known[0] < KEPT_S:
            return known[1]
        try:
            text = _asked(name, setting)
        except (DependencyUnavailable, ConfigurationError) as error:
            # A machine's role that does not answer for a moment looks like one that is not there.
            if known is None:
                raise
            _log.warning("%s: the last value is kept: %s", setting, error)
            text = known[1]
        _KEPT[place] = now_s, text
        return text


def _asked(name: str, setting: str) -> str:
    in_arn = _REGION_OF_ARN.match(name)
    client = aws_client(
        "secretsmanager",
        needed_for=f"{setting} (a secret of AWS Secrets Manager)",
        region=in_arn[1] if in_arn else None,
        endpoint=os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    )
    remedy = f"Make the secret, or correct {setting}."
    try:
        with translating_aws(
            f"secret {name}",
            doing=f"read {setting}",
            missing={"ResourceNotFoundException": remedy, "InvalidRequestException": remedy},
            right="secretsmanager:GetSecretValue, and kms:Decrypt for its key",
        ):
            answer: dict[str, Any] = client.get_secret_value(SecretId=name)
    finally:
        client.close()
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise ConfigurationError(f"{setting}: the secret {name} holds bytes and no text.", remedy=remedy)
    return text


def _field(text: str, name: str, key: str, setting: str) -> str:
    try:
        parsed: object = json.loads(text)
    except ValueError:
        parsed = None
    value = cast("dict[str, object]", parsed).get(key) if isinstance(parsed, dict) else None
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise ConfigurationError(
            f"{setting}: the secret {name} has no field {key!r} with a text.",
            remedy=f"Write it into the secret's JSON object, or correct {setting}.",
        )
    return str(value)
