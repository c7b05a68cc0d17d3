"""The tables of callers: their keys, as hashes, and what was done with them."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from resources.clients.catalog.schema.columns import METADATA, name_column, text_column, time_column

api_keys = Table(
    "api_keys",
    METADATA,
    name_column("key_id", primary_key=True),
    name_column("name"),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("collections", ARRAY(Text)),
    Column("groups", ARRAY(Text)),
    name_column("namespace"),
    Column("requests_per_minute", Integer),
    time_column("created_at"),
    time_column("expires_at", null=True),
    time_column("revoked_at", null=True),
    Index("api_keys_by_name", "name", "created_at"),
    comment="Keys of the query API; a null collections or groups means all of them.",
)

audit = Table(
    "audit",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    time_column("at"),
    text_column("request_id"),
    text_column("key_id"),
    text_column("key_name"),
    text_column("action"),
    text_column("collection"),
    text_column("subject"),
    Column("status", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Index("audit_by_time", "at"),
    Index("audit_of_key", "key_id", "id"),
    comment="Who asked, uploaded and changed what; never a key, never a body.",
)
