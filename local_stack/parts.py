"""What the parts of a local stack are, as data: a ``Part`` says how one program is started, reached and stopped."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One program of the stack. It is written to ``stack.json``, from which ``run_part`` starts it."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """Parts that must answer before this one is started."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    inherits_environment: bool = True
    """False for servers that need nothing of ours in their environment."""
    made_at_start: tuple[str, ...] = ()
    """Variables made of secrets that are read when the part starts, and written nowhere."""
    folder: str | None = None
    """Working directory; where a part has none of its own, that in which ``rag up`` was typed."""
    url: str | None = None
    """What a person opens or connects to; without secrets."""
    host: str = "127.0.0.1"
    """Where this machine reaches its port."""
    port: int | None = None
    port_setting: str | None = None
    more_ports: tuple[int, ...] = ()
    speaks: Literal["http", "postgres", "kafka"] | None = None
    """What answers on the port, None for a part that listens nowhere."""
    ready_path: str = "/"
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_limit_s: int = 20
    stops_group: bool = False
    """True if its children get the stop signal, too."""
    runs_under_server_account: bool = False
    """True for what refuses to be root."""

    def to_json(self) -> dict[str, Any]:
        """Return the part as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the part that ``to_json`` wrote."""
        restored: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**restored)


def parts_of(stack: Mapping[str, Any]) -> list[Part]:
    """Return the parts written in a ``stack.json``, in the order in which they are started."""
    return [Part.from_json(values) for values in stack.get("parts", [])]
