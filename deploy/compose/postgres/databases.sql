-- Run once, when the volume is empty: Dagster's storage beside the catalog, which is the server's first database.
CREATE DATABASE dagster;
