"""The tables of conversations: projects, sessions, and their messages, partitioned by the month they were stored in."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from resources.clients.catalog.schema.columns import METADATA, NOW, name_column, text_column, time_column

projects = Table(
    "chat_projects",
    METADATA,
    Column("project_id", Uuid, primary_key=True),
    name_column("owner"),
    text_column("title"),
    time_column("created_at"),
    Index("chat_projects_of_owner", "owner", "project_id"),
    comment="Folders of sessions; the owner is the namespace of a key, as of uploads.",
)

sessions = Table(
    "chat_sessions",
    METADATA,
    Column("session_id", Uuid, primary_key=True),
    name_column("owner"),
    Column("project_id", Uuid),
    text_column("title"),
    Column("collections", ARRAY(Text), nullable=False),
    Column("turns", Integer, nullable=False, server_default="0"),
    time_column("created_at"),
    time_column("active_at"),
    Column("held_by", Uuid),
    time_column("held_until", null=True),
    Index("chat_sessions_of_owner", "owner", "session_id"),
    Index("chat_sessions_of_project", "project_id", "session_id"),
    Index("chat_sessions_by_activity", "active_at"),
    comment="Conversations; held_by is the question being answered now, until held_until unless renewed.",
)

messages = Table(
    "chat_messages",
    METADATA,
    Column("session_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", DateTime(timezone=True), primary_key=True, server_default=NOW),
    text_column("role"),
    text_column("status"),
    text_column("collection"),
    text_column("content"),
    Column("details", JSONB, nullable=False),
    comment="Questions and answers; both of a turn have one time, so that no month keeps half of it.",
    postgresql_partition_by="RANGE (created_at)",
)
