"""What uploads may cost the process, beside the limits of the collection file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBounds:
    """Bounds of one API process; a request beyond them waits, or is told to come again."""

    at_once: int = 16
    """Requests whose bodies are read side by side; the others wait, unread."""

    waiting: int = 4096
    """Requests that may wait; beyond, 503."""

    wait_s: float = 300
    """How long a request waits before 503."""

    idle_s: float = 30
    """A body that brings no byte for so long is given up (408)."""

    longest_s: float = 1800
    """A body that is not whole after so long is given up (408)."""

    write_bytes: int = 256 * 1024
    """Bytes gathered before they are handed to a thread."""

    recording_at_once: int = 4
    """Files recorded side by side: each holds a connection to the catalog while its object is stored."""

    streams: int = 100
    """Open event streams; beyond, 503."""

    stream_s: float = 3600
    """An event stream ends after so long, and its client connects again."""

    look_every_s: float = 0.5
    """How often the jobs of all open streams are looked up, in one query."""

    heartbeat_s: float = 15
    """A silent stream sends a comment so often, so that proxies keep it open."""
