"""The text of a key, ``rag_<id>_<secret>``: made once, shown once, kept as a hash.

The secret is 256 random bits, so nobody finds it by trying, and a hash that is slow on purpose would only slow the
server down: such hashes are for secrets that people choose. Compared in constant time.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

_ID_BYTES = 8
_ID_CHARACTERS = 12
_SECRET_BYTES = 32
_TEXT = re.compile(r"rag_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText:
    """A key as its owner holds it; ``id`` may be shown and logged, the rest never."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return a key that nobody has."""
        identity = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()[:_ID_CHARACTERS]
        return cls(id=identity, secret=secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the key that a text is, or None for a text that is no key."""
        found = _TEXT.fullmatch(text)
        return None if found is None else cls(id=found[1], secret=found[2])

    @property
    def text(self) -> str:
        """Return what the owner sends."""
        return f"rag_{self.id}_{self.secret}"

    @property
    def secret_sha256(self) -> bytes:
        """Return what is kept of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()

    def is_of(self, secret_sha256: bytes) -> bool:
        """Say whether the secret is the one that was kept as this hash."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)
