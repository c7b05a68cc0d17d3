"""What every table is declared with."""

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Text, text

METADATA = MetaData()
NOW = text("now()")
BYTEWISE = Text(collation="C")


def time_column(name: str, *, null: bool = False) -> Column[object]:
    """Return a point in time; now, unless null."""
    return Column(name, DateTime(timezone=True), nullable=null, server_default=None if null else NOW)


def text_column(name: str) -> Column[str]:
    """Return a text that is empty by default."""
    return Column(name, Text, nullable=False, server_default="")


def name_column(name: str, *, primary_key: bool = False) -> Column[str]:
    """Return a name: compared and sorted bytewise."""
    return Column(name, BYTEWISE, primary_key=primary_key, nullable=False)


def count_column(name: str) -> Column[int]:
    """Return a number that is 0 by default."""
    return Column(name, BigInteger, nullable=False, server_default="0")
