"""Grafana dashboards, written by code: one for ingestion, one for answers."""
