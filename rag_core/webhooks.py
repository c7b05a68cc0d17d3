"""Notifications to other servers: which of them may be told, at which addresses, and how they know who tells them.

An address of a receiver comes from outside, so it must not become a way into this network: only hosts that the
operator names, only public addresses unless the operator names the host's own, and the address that was checked is
the one that is connected to.
"""

import base64
import binascii
import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from rag_core.errors import InvalidRequest

MAX_URL_CHARACTERS = 2000
SHORTEST_SECRET = 16
_SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks marks a secret, no secret itself
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")
_VISIBLE = re.compile(r"[!-~]+")
_AROUND_IPV4 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""IPv6 networks whose last 32 bits are an IPv4 address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHost:
    """A receiver that may be told; ``networks`` are the addresses it must have, none of them: any public one.

    ``port`` is ``None`` for the scheme's own.
    """

    host: str
    port: int | None
    networks: tuple[Network, ...]

    def allows(self, address: Address) -> bool:
        """Say whether the receiver may be reached at this address."""
        plain = _unwrapped(address)
        if self.networks:
            return any(plain in network or address in network for network in self.networks)
        return plain.is_global and not plain.is_multicast


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """A URL that may be told, taken apart."""

    url: str
    host: str
    port: int
    allowed: AllowedHost


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHosts:
    """The receivers that the operator names."""

    hosts: tuple[AllowedHost, ...]

    def target(self, url: str) -> WebhookTarget:
        """Return a URL's target, without asking any server; raises ``InvalidRequest`` for one that may not be told."""
        host, port, scheme = _parts(url)
        found = next((each for each in self.hosts if each.host == host and _fits(each, port, scheme)), None)
        if found is None:
            raise InvalidRequest(
                f"Webhooks to {_shown(host, port)} are not allowed here.",
                remedy="RAG_WEBHOOK_HOSTS names the hosts that may be told; ask whoever runs this server.",
            )
        if scheme == "http" and not found.networks:
            raise InvalidRequest(
                "A webhook to a public address must be sent over https.",
                remedy="Use https; RAG_WEBHOOK_HOSTS with the host's address (host=10.0.0.7) allows http inside.",
            )
        return WebhookTarget(url=url, host=host, port=port, allowed=found)


def parse_webhook_hosts(entries: Iterable[str]) -> WebhookHosts:
    """Return the hosts of entries such as ``hooks.example.com``, ``a.example:8443`` and ``inside:8080=10.0.0.0/8``.

    Raises ``ValueError`` for one that is no host.
    """
    return WebhookHosts(hosts=tuple(_allowed(entry.strip()) for entry in entries))


def signature(secret: str, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the value of ``webhook-signature`` (Standard Webhooks, v1): HMAC-SHA256 of id, time and body."""
    signed = f"{webhook_id}.{timestamp_s}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(_key(secret), signed, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(_SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def _allowed(entry: str) -> AllowedHost:
    named, _, addresses = entry.partition("=")
    host, port = _host_and_port(named.lower())
    networks = [ipaddress.ip_network(each, strict=False) for each in addresses.split("|")] if addresses else []
    literal = _literal(host)
    if literal is not None and not networks:
        networks = [ipaddress.ip_network(literal)]
    if literal is None and not _HOST.fullmatch(host):
        raise ValueError(f"{named!r} is no host")
    return AllowedHost(host=host, port=port, networks=tuple(networks))


def _host_and_port(named: str) -> tuple[str, int | None]:
    if named.startswith("["):
        host, _, port = named[1:].partition("]")
        port = port.removeprefix(":")
    elif named.count(":") > 1:
        host, port = named, ""
    else:
        host, _, port = named.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"{named!r} has no port")
    return host, int(port) if port else None


def _parts(url: str) -> tuple[str, int, str]:
    """Return host, port and scheme of a URL that means the same to everybody who reads it."""
    found = _parsed(url)
    if found is None:
        raise InvalidRequest(
            "The field 'webhook_url' is no URL that can be told.",
            remedy="Send an absolute http or https URL of ASCII characters, without user, password and fragment.",
        )
    return found


def _parsed(url: str) -> tuple[str, int, str] | None:
    if len(url) > MAX_URL_CHARACTERS or not _VISIBLE.fullmatch(url) or "\\" in url:
        return None
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").lower(), split.port
    except ValueError:
        return None
    is_plain = split.username is None and split.password is None and "#" not in url
    is_host = _literal(host) is not None or _HOST.fullmatch(host) is not None
    if split.scheme not in _DEFAULT_PORTS or not is_plain or not is_host or port == 0:
        return None
    return host, _DEFAULT_PORTS[split.scheme] if port is None else port, split.scheme


def _fits(allowed: AllowedHost, port: int, scheme: str) -> bool:
    return port == (_DEFAULT_PORTS[scheme] if allowed.port is None else allowed.port)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _AROUND_IPV4) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    tunnelled = address.teredo[1] if address.teredo is not None else None
    return address.ipv4_mapped or address.sixtofour or tunnelled or address


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
