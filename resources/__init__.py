"""Thin Dagster resources and the Parquet IO manager that build the clients beside them."""
