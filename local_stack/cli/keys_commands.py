"""``rag keys``: keys of the query API, and what was done with them.

They are kept in the catalog's database, so whoever may write there makes keys; the API itself makes none.
"""

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from local_stack.cli.key_options import collections_meant, groups_meant, moment_meant
from local_stack.cli.options import Json
from rag_core.callers import Scope
from rag_core.errors import InvalidRequest

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.keys import StoredKey

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Keys of the query API: make, list and revoke them, see their use.")
app.add_typer(keys, name="keys")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PAGE = 1000


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; also the folder of its uploads.")],
    *,
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What for; default read. May be repeated.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option("--collection", "-c", help="A collection it may use. May be repeated.")
    ] = None,
    all_collections: Annotated[
        bool, typer.Option("--all-collections", help="It may use every collection, those to come too.")
    ] = False,
    group: Annotated[
        list[str] | None, typer.Option("--group", help="A group whose documents it may find. May be repeated.")
    ] = None,
    all_documents: Annotated[
        bool, typer.Option("--all-documents", help="It may find every document, whatever its groups.")
    ] = False,
    expires: Annotated[str, typer.Option(help="When it ends: 90d, 12h, or a date such as 2027-01-31.")] = "",
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, max=1_000_000, help="Requests a minute; default the server's.")
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="A new key of a name that has one: it has the same uploads.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a key and print it: it is shown this once. Without --group it finds what everyone may find."""
    from local_stack.cli.printing import print_json
    from resources.clients.catalog.keys import WantedKey

    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} is no name of a key.",
            remedy="Use up to 63 lower-case letters, digits, '_' and '-', a letter or digit first.",
        )
    wanted = WantedKey(
        name=name,
        scopes=frozenset(scope or [Scope.READ]),
        collections=collections_meant(collection, is_all=all_collections),
        groups=groups_meant(group, is_all=all_documents),
        requests_per_minute=rate,
        expires_at=moment_meant(expires, "--expires", ahead=True) if expires else None,
        takes_over=rotate,
    )
    with _catalog() as catalog:
        made, stored = catalog.keys.create(wanted)
        _note(catalog, "keys.create", [stored])
    if as_json:
        print_json({"key": made.text, **_shape(stored)})
        return
    sys.stderr.write(f"Key {stored.key_id} of {stored.name}; it is not shown again:\n")
    sys.stdout.write(f"{made.text}\n")


@keys.command("list")
def list_(*, as_json: Json = False) -> None:
    """List keys: whose, what for, where, until when. Never the keys themselves."""
    from rich.table import Table

    from local_stack.cli.printing import console, print_json, print_table, visible

    with _catalog() as catalog:
        found = catalog.keys.every()
    if as_json:
        print_json({"keys": [_shape(key) for key in found]})
        return
    if not found:
        console().print("No keys. 'rag keys create NAME' makes one.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name", "state", "scopes", "collections", "groups", "per minute", "created", "expires"):
        table.add_column(column, overflow="fold")
    now = datetime.now(UTC)
    for key in found:
        table.add_row(
            key.key_id,
            key.name,
            key.state(now),
            ", ".join(sorted(key.scopes)),
            "all" if key.collections is None else ", ".join(sorted(key.collections)),
            "every document" if key.groups is None else visible(", ".join(key.groups)),
            str(key.requests_per_minute or ""),
            f"{key.created_at:%Y-%m-%d %H:%M}",
            "" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}",
        )
    print_table(table)


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(help="A key's id, or a name: all keys of it.")], *, as_json: Json = False
) -> None:
    """Revoke keys: within two seconds nobody gets in with them any more."""
    from local_stack.cli.printing import console, print_json

    with _catalog() as catalog:
        revoked = catalog.keys.revoke(key)
        _note(catalog, "keys.revoke", revoked)
    if as_json:
        print_json({"revoked": [_shape(each) for each in revoked]})
    else:
        console().print(f"{len(revoked)} revoked." if revoked else "It was revoked before.")


@keys.command()
def audit(
    *,
    key: Annotated[str, typer.Option("--key", help="Only of this key, by id or name.")] = "",
    since: Annotated[str, typer.Option(help="Not older than: 15m, 24h, 7d, or a date such as 2027-01-31.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, newest first.")] = 100,
    as_json: Json = False,
) -> None:
    """Show who asked, uploaded and changed what, newest first."""
    from rich.table import Table
    from rich.text import Text

    from local_stack.cli.printing import console, print_json, print_table, visible
    from resources.clients.catalog.audit import AuditEntry

    begins = moment_meant(since, "--since", ahead=False) if since else None
    entries: list[AuditEntry] = []
    before: int | None = None
    with _catalog() as catalog:
        while len(entries) < limit:
            page = catalog.audit.page(key=key, since=begins, before=before, limit=min(_PAGE, limit - len(entries)))
            entries += [entry for _, entry in page]
            if not page:
                break
            before = page[-1][0]
    if as_json:
        fields = AuditEntry.__slots__
        shown = [{name: getattr(entry, name) for name in fields} | {"at": entry.at.isoformat()} for entry in entries]
        print_json({"entries": shown})
        return
    if not entries:
        console().print("No entries.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("at", "key", "action", "collection", "status", "ms", "about", "request"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        table.add_row(
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            visible(f"{entry.key_name} {entry.key_id}".strip()),
            entry.action,
            visible(entry.collection),
            str(entry.status),
            str(entry.duration_ms),
            Text(visible(entry.subject)),
            entry.request_id,
        )
    print_table(table)


def _catalog() -> "Catalog":
    from resources.clients.catalog import open_catalog
    from resources.clients.settings import load_settings

    return open_catalog(load_settings().require("database_url"))


def _note(catalog: "Catalog", action: str, changed: "list[StoredKey]") -> None:
    from resources.clients.catalog.audit import AuditEntry

    catalog.audit.append(
        [
            AuditEntry(
                at=datetime.now(UTC),
                request_id="",
                key_id=key.key_id,
                key_name=key.name,
                action=action,
                collection="",
                subject=f"scopes {', '.join(sorted(key.scopes))}",
                status=200,
                duration_ms=0,
            )
            for key in changed
        ]
    )


def _shape(key: "StoredKey") -> dict[str, object]:
    def moment(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "id": key.key_id,
        "name": key.name,
        "state": key.state(datetime.now(UTC)),
        "scopes": sorted(key.scopes),
        "collections": None if key.collections is None else sorted(key.collections),
        "groups": None if key.groups is None else list(key.groups),
        "requests_per_minute": key.requests_per_minute,
        "created_at": moment(key.created_at),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    }
