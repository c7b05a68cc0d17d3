"""API keys over a restore: those that the present catalog has are newer than any backup's.

A backup knows nothing of what was revoked, narrowed or made since. Where the present catalog can be read its keys are
kept, whole; where it was lost those of the backup come back, and somebody must look at them.
"""

from sqlalchemy import Connection, text


def keep_keys(connection: Connection) -> None:
    """Put the present keys aside for as long as the transaction lasts."""
    there = connection.execute(text("SELECT to_regclass('api_keys') IS NOT NULL")).scalar_one()
    connection.execute(_KEEP if there else _KEEP_NONE)


def bring_back_keys(connection: Connection) -> int:
    """Put them in the place of the snapshot's; return how many usable ones only the snapshot had."""
    connection.execute(text("DELETE FROM api_keys USING kept_api_keys k WHERE api_keys.key_id = k.key_id"))
    only_in_snapshot = int(connection.execute(_USABLE).scalar_one())
    columns = ", ".join(connection.execute(_COMMON_COLUMNS).scalars())
    connection.execute(text(f"INSERT INTO api_keys ({columns}) SELECT {columns} FROM kept_api_keys"))  # noqa: S608 - columns of our own schema
    return only_in_snapshot


_KEEP = text("CREATE TEMP TABLE kept_api_keys ON COMMIT DROP AS SELECT * FROM api_keys")

_KEEP_NONE = text("CREATE TEMP TABLE kept_api_keys (key_id text) ON COMMIT DROP")

_COMMON_COLUMNS = text("""
SELECT quote_ident(kept.attname) FROM pg_attribute kept
JOIN pg_attribute now ON now.attrelid = to_regclass('api_keys') AND now.attname = kept.attname
WHERE kept.attrelid = to_regclass('kept_api_keys') AND kept.attnum > 0 AND NOT kept.attisdropped
ORDER BY kept.attnum
""")

_USABLE = text("""
SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
""")
