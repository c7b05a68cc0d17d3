"""``rag sessions``: dropping old conversations now, and keeping them in TimescaleDB from now on."""

from typing import Annotated

import typer

from local_stack.cli.options import Json

app = typer.Typer()
sessions = typer.Typer(no_args_is_help=True, help="Conversations: drop old ones, keep them in TimescaleDB.")
app.add_typer(sessions, name="sessions")


@sessions.command()
def prune(
    *,
    keep_days: Annotated[
        int | None, typer.Option(min=0, max=36_500, help="Default RAG_SESSIONS_KEEP_DAYS; 0 drops nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Drop months of messages that are older than is kept, and the sessions that have none left.

    The query API does the same every hour. On TimescaleDB its policies are set, and the extension drops.
    """
    from local_stack.cli.printing import console, print_json
    from resources.clients.catalog import open_catalog
    from resources.clients.settings import load_settings

    settings = load_settings()
    kept = settings.sessions_keep_days if keep_days is None else keep_days
    with open_catalog(settings.require("database_url")) as catalog:
        done = catalog.kept_messages.prune(warm_days=settings.sessions_warm_days or None, keep_days=kept or None)
    if as_json:
        print_json(
            {
                "months_dropped": list(done.months_dropped),
                "months_made": list(done.months_made),
                "sessions_deleted": done.sessions_deleted,
                "policies_changed": list(done.policies),
                "was_free": done.was_free,
            }
        )
        return
    if not done.was_free:
        console().print("Another process is at it.")
        return
    dropped = ", ".join(done.months_dropped) or "none"
    console().print(f"Months dropped: {dropped}; sessions deleted: {done.sessions_deleted}.")
    if done.policies:
        console().print(f"Policies changed: {', '.join(done.policies)}.")


@sessions.command()
def hypertable(*, as_json: Json = False) -> None:
    """Move the messages into a TimescaleDB hypertable; questions in sessions wait meanwhile."""
    from local_stack.cli.printing import console, print_json
    from resources.clients.catalog import open_catalog
    from resources.clients.settings import load_settings

    with open_catalog(load_settings().require("database_url")) as catalog:
        moved = catalog.kept_messages.to_hypertable()
    if as_json:
        print_json({"moved": moved})
    else:
        console().print(f"{moved} messages moved.")
