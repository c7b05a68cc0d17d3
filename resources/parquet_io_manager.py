"""Loads a block's Parquet parts for assets downstream of ours: ``documents``, ``chunks`` and ``embeddings`` as tables.

Our own layers stream; this is for the assets that a data team hangs behind them (quality reports, training sets).
"""

import dagster as dg


class ParquetPartsIOManager(dg.ConfigurableIOManager):
    """Gives ``pyarrow.Table`` for one block and ``dict[str, pyarrow.Table]`` for several, newest rows only."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:  # noqa: ARG002 - Dagster's signature
        """Refuse: parts are written by the ingestion itself, under the catalog's transaction."""
        raise dg.DagsterInvariantViolationError(
            f"{context.asset_key.to_user_string()}: this IO manager only reads; give your asset one of its own."
        )

    def load_input(self, context: dg.InputContext) -> object:
        """Return the rows that the catalog names for the asked blocks."""
        import pyarrow as pa

        from resources.block_work import opened_block_work
        from resources.clients.parquet_parts import arrow_schema
        from resources.clients.settings import load_settings

        collection, layer = context.asset_key.path
        opened = opened_block_work(
            load_settings(), collection, run_id="", code_version="", environment={}, say=context.log.info
        )
        with opened as work:
            tables = {
                key: pa.concat_tables([arrow_schema(layer).empty_table(), *work.read(int(key), layer)])
                for key in context.asset_partition_keys
            }
        return next(iter(tables.values())) if len(tables) == 1 else tables
