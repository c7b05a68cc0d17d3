"""The table that names the platform."""

from sqlalchemy import Boolean, CheckConstraint, Column, Table, Uuid

from resources.clients.catalog.schema.columns import METADATA

platform = Table(
    "platform",
    METADATA,
    Column("is_this", Boolean, CheckConstraint("is_this", name="platform_is_one"), primary_key=True),
    Column("id", Uuid, nullable=False),
    comment="One row, made when it is first asked for: which platform this catalog is of, over every restore.",
)
