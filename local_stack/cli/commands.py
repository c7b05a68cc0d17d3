"""The commands of ``rag``. A new one is one line here; its module is loaded only when it is typed."""

COMMANDS = {
    "up": "stack_commands",
    "down": "stack_commands",
    "status": "stack_commands",
    "logs": "stack_commands",
    "ingest": "ingest_commands",
    "ask": "ask_commands",
    "search": "search_commands",
    "documents": "documents_commands",
    "retry": "documents_commands",
    "collections": "collections_commands",
    "sources": "sources_commands",
    "produce": "produce_commands",
    "replay": "replay_commands",
    "dlq": "dlq_commands",
    "keys": "keys_commands",
    "sessions": "sessions_commands",
    "eval": "eval_commands",
    "audit": "audit_commands",
    "backup": "backup_commands",
    "restore": "backup_commands",
    "sql": "sql_commands",
}
"""Command → the module of this package whose typer ``app`` has it, in the order of the help page."""
