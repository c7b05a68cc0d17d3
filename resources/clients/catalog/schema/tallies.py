"""The table of tallies: what became of arrivals, counted for ever, whatever is deleted of them one day."""

from sqlalchemy import Column, Double, SmallInteger, Table, Text

from resources.clients.catalog.schema.columns import METADATA, count_column, name_column

tallies = Table(
    "tallies",
    METADATA,
    name_column("collection", primary_key=True),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("up_to_s", Double, primary_key=True),
    count_column("arrivals"),
    Column("seconds", Double, nullable=False, server_default="0"),
    comment="Counters that only grow: outcomes by state, and seconds from arrival to searchable by bucket.",
)
