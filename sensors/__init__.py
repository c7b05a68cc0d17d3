"""Sensors look, record, plan and answer; the decisions are pure functions in rag_core."""
