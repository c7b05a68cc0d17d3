"""What the options of ``rag keys`` mean: collections, groups, moments."""

import re
from datetime import UTC, datetime, timedelta

from rag_core.access import MAX_GROUP_CHARACTERS, MAX_KEY_GROUPS
from rag_core.errors import InvalidRequest
from rag_core.names import is_name

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def collections_meant(named: list[str] | None, *, is_all: bool) -> frozenset[str] | None:
    """Return the collections that the options mean, ``None`` for all of them; raises ``InvalidRequest``."""
    if bool(named) == is_all:
        raise InvalidRequest(
            "Which collections may the key use?"
            if not named
            else "--collection and --all-collections exclude each other.",
            remedy="Say --collection NAME (more than once if need be), or --all-collections.",
        )
    for each in named or []:
        if not is_name(each):
            raise InvalidRequest(f"{each!r} is no name of a collection.", remedy="'rag collections list' shows them.")
    return None if is_all else frozenset(named or [])


def groups_meant(named: list[str] | None, *, is_all: bool) -> frozenset[str] | None:
    """Return the groups that the options mean, ``None`` for one who finds every document."""
    groups = frozenset(named or [])
    if is_all:
        if groups:
            raise InvalidRequest("--group and --all-documents exclude each other.", remedy="Leave one of them out.")
        return None
    if len(groups) > MAX_KEY_GROUPS or any(not _is_group(group) for group in groups):
        raise InvalidRequest(
            f"A key has at most {MAX_KEY_GROUPS} groups of 1 to {MAX_GROUP_CHARACTERS} characters.",
            remedy="Give it fewer or shorter ones.",
        )
    return groups


def _is_group(text: str) -> bool:
    return 0 < len(text) <= MAX_GROUP_CHARACTERS and "\0" not in text


def moment_meant(text: str, option: str, *, ahead: bool) -> datetime:
    """Return the moment that an option means: so long from now, forward or back, or a date and time (UTC)."""
    now = datetime.now(UTC)
    if span := _SPAN.fullmatch(text):
        distance = timedelta(**{_UNITS[span[2]]: int(span[1])})
        return now + distance if ahead else now - distance
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(
            f"{option} {text!r} is no moment.", remedy="Say 90d, 12h, 30m, or a date such as 2027-01-31."
        ) from None
    moment = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
    if ahead and moment <= now:
        raise InvalidRequest(f"{option} {text} is over.", remedy="Name a moment that is still to come.")
    return moment
