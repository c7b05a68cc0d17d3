"""``rag dlq``: messages that fit no form, looked at, replayed or discarded."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from local_stack.cli.options import Json
from rag_core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.clients.catalog import Catalog
    from resources.clients.catalog.values import DeadLetterFilter
    from resources.clients.settings import Settings
    from sensors.dead_letter_replay import ReplayedLetter

app = typer.Typer()
dlq = typer.Typer(no_args_is_help=True, help="Dead letters: messages of streams that fit no form.")
app.add_typer(dlq, name="dlq")

_PAGE = 500

_Collection = Annotated[str, typer.Option("--collection", "-c", help="Only of this collection; default all.")]
_Stream = Annotated[str, typer.Option("--stream", help="Only of this stream.")]
_Topic = Annotated[str, typer.Option("--topic", help="Only of this topic.")]
_Kind = Annotated[str, typer.Option("--kind", help="Only with this kind of reason, such as not-json.")]
_Ids = Annotated[list[int] | None, typer.Argument(help="Dead letters, by id.")]
_All = Annotated[bool, typer.Option("--all", help="Every one that waits and that the other options mean.")]


@dlq.command("list")
def list_(
    *,
    collection: _Collection = "",
    stream: _Stream = "",
    topic: _Topic = "",
    kind: _Kind = "",
    settled: Annotated[bool, typer.Option("--settled", help="Replayed and discarded ones, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first: where each stands in its topic, and what is wrong with it."""
    from local_stack.cli.dead_letters_shown import letters_table, row_json
    from local_stack.cli.printing import console, print_json, print_table
    from resources.clients.catalog import open_catalog

    which = _which(collection, stream, topic, kind, with_settled=settled)
    with open_catalog(_settings().require("database_url")) as catalog:
        count = catalog.dead_letters.count(which)
        rows = []
        before = None
        while len(rows) < limit:
            page = catalog.dead_letters.page(which, before=before, limit=min(_PAGE, limit - len(rows)))
            rows += page.letters
            before = page.next_before
            if before is None:
                break
    if as_json:
        print_json({"dead_letters": [row_json(row) for row in rows], "count": count})
    elif rows:
        print_table(letters_table(rows))
        if count > len(rows):
            console().print(f"{count} in all; --limit shows more of them.")
    else:
        console().print("No dead letters.")


@dlq.command()
def show(letter: Annotated[int, typer.Argument(help="A dead letter's id.")], *, as_json: Json = False) -> None:
    """Show one dead letter: key, headers, the beginning of its value, reason and remedy."""
    from local_stack.cli.dead_letters_shown import letter_json, letter_lines
    from local_stack.cli.printing import console, print_json
    from resources.clients.catalog import open_catalog

    with open_catalog(_settings().require("database_url")) as catalog:
        found = catalog.dead_letters.find(letter)
    if found is None:
        raise _unknown(letter)
    if as_json:
        print_json(letter_json(found))
        return
    for line in letter_lines(found):
        console().print(line)


@dlq.command()
def replay(
    letters: _Ids = None,
    *,
    every: _All = False,
    collection: _Collection = "",
    stream: _Stream = "",
    topic: _Topic = "",
    kind: _Kind = "",
    as_json: Json = False,
) -> None:
    """Decode dead letters again, by the collection files as they are now; exit code 1 if any still fits no form.

    Each keeps its place in its topic: an older message never overtakes what is known of its key by now.
    """
    from local_stack.cli.printing import console, plain, print_json
    from resources.clients.catalog import open_catalog

    settings = _settings()
    which = _which(collection, stream, topic, kind)
    done: list[ReplayedLetter] = []
    with open_catalog(settings.require("database_url")) as catalog:
        for each in _replays(settings, catalog, _meant(catalog, letters, which, every=every)):
            done.append(each)
            if not as_json:
                console().print(plain(f"{each.id}: {each.end}. {each.reason} {each.remedy}".rstrip()))
    settled = sum(each.is_settled for each in done)
    if as_json:
        shown = [{"id": each.id, "end": each.end, "reason": each.reason, "remedy": each.remedy} for each in done]
        print_json({"replayed": shown, "settled": settled})
    else:
        console().print(f"{len(done)} replayed, {settled} settled.")
    raise typer.Exit(0 if settled == len(done) else 1)


@dlq.command()
def discard(
    letters: _Ids = None,
    *,
    every: _All = False,
    collection: _Collection = "",
    stream: _Stream = "",
    topic: _Topic = "",
    kind: _Kind = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Put dead letters aside that nobody wants to replay: they are kept, and counted no more."""
    from local_stack.cli.printing import console, print_json
    from resources.clients.catalog import open_catalog

    which = _which(collection, stream, topic, kind)
    with open_catalog(_settings().require("database_url")) as catalog:
        if every:
            _no_ids(letters)
            _ask(catalog.dead_letters.count(which), yes=yes)
            discarded = catalog.dead_letters.discard_all(which)
        else:
            discarded = catalog.dead_letters.discard(list(_meant(catalog, letters, which, every=False)))
    if as_json:
        print_json({"discarded": discarded})
    else:
        console().print(f"{discarded} discarded.")


def _replays(settings: "Settings", catalog: "Catalog", numbers: "Iterator[int]") -> "Iterator[ReplayedLetter]":
    from contextlib import ExitStack

    from resources.clients.collection_files import load_collection
    from sensors.dead_letter_replay import DeadLetterReplay

    with ExitStack() as opened:
        replays: dict[str, DeadLetterReplay] = {}
        for number in numbers:
            letter = catalog.dead_letters.find(number)
            if letter is None:
                raise _unknown(number)
            name = letter.collection
            if name not in replays:
                loaded = load_collection(settings.collections, name)
                replays[name] = opened.enter_context(DeadLetterReplay(loaded, catalog))
            yield replays[name].replay(letter)


def _meant(catalog: "Catalog", letters: list[int] | None, which: "DeadLetterFilter", *, every: bool) -> "Iterator[int]":
    """Give the ids of the dead letters that are meant: those named, or all that wait."""
    if not every:
        if not letters:
            raise InvalidRequest("Which dead letters?", remedy="Name them by id, or say --all; see 'rag dlq list'.")
        for number in letters:
            if catalog.dead_letters.find(number) is None:
                raise _unknown(number)
        yield from letters
        return
    _no_ids(letters)
    before: int | None = None
    while True:
        page = catalog.dead_letters.page(which, before=before, limit=_PAGE)
        yield from (row.id for row in page.letters)
        if page.next_before is None:
            return
        before = page.next_before


def _no_ids(letters: list[int] | None) -> None:
    if letters:
        raise InvalidRequest("Ids and --all exclude each other.", remedy="Leave one of them out.")


def _ask(count: int, *, yes: bool) -> None:
    if yes or not count:
        return
    if not sys.stdin.isatty():
        raise InvalidRequest("Nobody can be asked here.", remedy="Look at 'rag dlq list', then say --yes.")
    if not typer.confirm(f"Discard {count} dead letters?", err=True):
        raise typer.Exit(1)


def _which(collection: str, stream: str, topic: str, kind: str, *, with_settled: bool = False) -> "DeadLetterFilter":
    from rag_core.messages.message import RejectKind
    from resources.clients.catalog.values import DeadLetterFilter

    if kind and kind not in set(RejectKind):
        raise InvalidRequest(
            f"There is no kind of reason {kind!r}.", remedy=f"Dead letters have these: {', '.join(RejectKind)}."
        )
    return DeadLetterFilter(collection=collection, source=stream, topic=topic, kind=kind, with_settled=with_settled)


def _settings() -> "Settings":
    from resources.clients.settings import load_settings

    return load_settings()


def _unknown(number: int) -> Any:
    return InvalidRequest(f"There is no dead letter {number}.", remedy="'rag dlq list' shows which there are.")
