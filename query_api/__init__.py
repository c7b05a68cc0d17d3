"""The REST service that answers from what was materialized; it never imports Dagster."""
