"""``python3 deploy/compose/write_env.py``: write .env with passwords and keys of its own, unless it is there.

It needs nothing but Python, so that a host without this project's environment can run the stack.
"""

import os
import secrets
import sys
from pathlib import Path

FILE = Path(__file__).with_name(".env")
NAMES = ("POSTGRES_PASSWORD", "QDRANT_API_KEY", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "GRAFANA_PASSWORD")


def write_env(file: Path) -> bool:
    """Write the file for its owner alone; False where it is there. Values are hexadecimal: they stand in URLs."""
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(opened, "w", encoding="ascii") as env:
        env.writelines(f"{name}={secrets.token_hex(20)}\n" for name in NAMES)
    return True


if __name__ == "__main__" and write_env(FILE):
    sys.stdout.write(f"Wrote {FILE} with new passwords: who has this file and the volumes has everything.\n")
