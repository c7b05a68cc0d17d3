"""The table that names the platform."""

from sqlalchemy import Boolean, CheckConstraint, Column, Table, Text, Uuid

from resources.clients.catalog.schema.columns import METADATA, time_column

platform = Table(
    "platform",
    METADATA,
    Column("is_this", Boolean, CheckConstraint("is_this", name="platform_is_one"), primary_key=True),
    Column("id", Uuid, nullable=False),
    time_column("backed_up_at", null=True),
    Column("backed_up_to", Text),
    comment="One row, made when it is first asked for: which platform this catalog is of, over every restore;"
    " of which moment its last finished backup is, and where it lies.",
)
