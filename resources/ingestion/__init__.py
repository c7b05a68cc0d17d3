"""The ingestion pipeline: functions that compose the clients, free of Dagster and callable on one arrival."""
