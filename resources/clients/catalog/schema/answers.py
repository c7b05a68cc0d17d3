"""The tables of questions that are answered later: each is its own place in the queue, and keeps what became of it."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from resources.clients.catalog.schema.columns import BYTEWISE, METADATA, name_column, text_column, time_column

answers = Table(
    "answers",
    METADATA,
    Column("answer_id", Uuid, primary_key=True),
    name_column("owner"),
    text_column("collection"),
    text_column("state"),
    time_column("due_at"),
    Column("held_by", Uuid),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("request", JSON, nullable=False),
    Column("request_sha256", LargeBinary, nullable=False),
    Column("idempotency_key", BYTEWISE),
    Column("webhook_url", Text),
    text_column("request_id"),
    text_column("trace_parent"),
    time_column("created_at"),
    time_column("started_at", null=True),
    time_column("finished_at", null=True),
    Column("seen_as", ARRAY(Text)),
    Column("answer", JSON),
    text_column("failure_kind"),
    text_column("failure"),
    text_column("remedy"),
    Index("answers_due", "due_at", postgresql_where=text("state IN ('queued', 'running')")),
    Index("answers_waiting", "created_at", postgresql_where=text("state = 'queued'")),
    Index(
        "answers_by_key",
        "owner",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
    Index("answers_by_age", "created_at"),
    comment="Questions and answers; due_at is when a worker may take one: at once, later, or when nobody renewed it.",
)

answer_webhooks = Table(
    "answer_webhooks",
    METADATA,
    Column("answer_id", Uuid, ForeignKey("answers.answer_id", ondelete="CASCADE"), primary_key=True),
    Column("webhook_id", Uuid, nullable=False),
    text_column("state"),
    time_column("due_at"),
    Column("held_by", Uuid),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("status", Integer),
    text_column("error"),
    time_column("created_at"),
    time_column("delivered_at", null=True),
    Index("answer_webhooks_due", "due_at", postgresql_where=text("state = 'waiting'")),
    comment="Notifications, written by the transaction that ends a question; sent until one is acknowledged.",
)
