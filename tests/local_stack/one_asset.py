"""A code location of one asset, for stacks under test."""

import dagster as dg


@dg.asset
def greeting() -> str:
    """A word."""
    return "hello"


defs = dg.Definitions(assets=[greeting], jobs=[dg.define_asset_job("greet", [greeting])])
