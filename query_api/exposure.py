"""Under which names the server may be addressed."""

from resources.clients.settings import Settings

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


def host_names(settings: Settings) -> tuple[str, ...]:
    """Return the names under which the server may be addressed; ``*`` is any.

    A web page that got its own name resolved to this machine must not read what needs no key. Where keys are asked
    for, a name gives no page anything, and a server that listens everywhere answers to all of them unless told.
    """
    if settings.api_hosts:
        return (*LOOPBACK_HOSTS, *settings.api_hosts)
    if settings.is_api_on_loopback:
        return LOOPBACK_HOSTS
    if settings.api_host in _EVERYWHERE:
        return ("*",)
    return (*LOOPBACK_HOSTS, f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host)
