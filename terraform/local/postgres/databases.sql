-- Run once, when the volume is empty; the catalog's own database is the server's first.
CREATE DATABASE dagster;
