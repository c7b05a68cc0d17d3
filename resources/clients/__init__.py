"""One room for each outside system, all free of Dagster."""
