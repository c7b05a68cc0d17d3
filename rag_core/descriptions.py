"""What a message says of an object that it points at, beside what the object's own store and source say of it.

It belongs to the object's source and key until a newer message says otherwise, and it stands behind what the source's
own rules find: it fills in the fields that they leave open, its media type is a hint, and its groups only narrow.
"""

import hashlib
from dataclasses import dataclass

_MARK = "|said:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the newest message says of an object; ``details`` is JSON in the shape of a sidecar. Either may be empty."""

    media_type: str
    details: str

    @property
    def version(self) -> str:
        """What changes when the description does; empty where it says nothing."""
        if not self.media_type and not self.details:
            return ""
        return f"{hashlib.sha256(self.details.encode()).hexdigest()[:24]};{self.media_type}"


def companion_version(sidecar_etag: str, description: Description | None) -> str:
    """Return what changes when anything beside an object's own bytes does: its sidecar, or what a message says."""
    said = "" if description is None else description.version
    return f"{sidecar_etag}{_MARK}{said}" if said else sidecar_etag


def described_type(companion: str) -> str:
    """Return the media type that a message said when ``companion_version`` made this; empty where none did."""
    return companion.partition(_MARK)[2].partition(";")[2]
