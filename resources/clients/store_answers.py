"""What object stores say when they refuse, in one line: obstore's own texts go on for forty, of Rust's insides."""

import re

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_MOST = 300


def status_of(error: Exception) -> int:
    """Return the HTTP status that the store answered; 0 where it did not answer, or the error is none of a store."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else 0


def code_of(error: Exception) -> str:
    """Return S3's own code, such as ``NoSuchBucket``; empty where the answer had none."""
    found = _CODE.search(str(error))
    return found[1] if found else ""


def reason_of(error: Exception) -> str:
    """Say what the store answered, without its message body: that may repeat keys of a signature."""
    status, code = status_of(error), code_of(error)
    if status:
        return f"the store answered {status} {code}".strip()
    return first_line(error)


def first_line(error: Exception) -> str:
    """Return how an error's text begins, without a full stop."""
    return (str(error).splitlines() or [type(error).__name__])[0][:_MOST].rstrip(".")
