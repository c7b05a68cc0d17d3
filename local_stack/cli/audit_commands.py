"""``rag audit``."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from local_stack.cli.options import Json

if TYPE_CHECKING:
    from recovery.auditing_all import Audited
    from resources.clients.collection_files import LoadedCollection
    from resources.clients.settings import Settings

app = typer.Typer()


@app.command()
def audit(
    collection: Annotated[str | None, typer.Argument(help="Collection; all of them if left out.")] = None,
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make due, sweep or delete what differs; then wait.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds to wait for the runs that a repair asks for.")
    ] = 300,
    vectors: Annotated[bool, typer.Option("--vectors/--no-vectors", help="Compare every point's vectors.")] = True,
    sources: Annotated[bool, typer.Option("--sources/--no-sources", help="List the sources.")] = True,
    parquet_is_lost: Annotated[
        bool, typer.Option("--parquet-is-lost", help="Repair although no Parquet file is there at all.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare source, catalog, Parquet and index; exit code 1 unless all are equal. Writes only with --repair."""
    from local_stack.cli.printing import print_json
    from recovery.auditing_all import audit as audit_one
    from recovery.auditing_all import audit_and_repair, is_clean
    from recovery.opened import opened
    from resources.clients.settings import load_settings

    settings = load_settings()
    audits: list[Audited] = []
    with opened(settings, migrates=repair) as tools:
        chosen, left_out = _chosen(settings, collection)
        if collection is None:
            undeclared = set(tools.catalog.queries.collections()) - {one.collection.name for one in chosen}
            left_out += [f"no usable file declares the collection {name}" for name in sorted(undeclared)]
        for why in left_out:
            _say(f"left out: {why}")
        for loaded in chosen:
            if repair:
                done = audit_and_repair(
                    loaded,
                    tools,
                    wait_s=wait,
                    vectors=vectors,
                    sources=sources,
                    parquet_is_lost=parquet_is_lost,
                    say=_say,
                )
            else:
                done = audit_one(loaded, tools, vectors=vectors, sources=sources)
            audits.append(done)
            if not as_json:
                show_audit(done)
    if as_json:
        print_json(
            {
                "clean": is_clean(audits) and not left_out,
                "left_out": left_out,
                "collections": [one.to_json() for one in audits],
            }
        )
    raise typer.Exit(0 if is_clean(audits) and not left_out else 1)


def show_audit(done: "Audited") -> None:
    """Print one collection's audit: a line when it is clean, what differs and the next step when it is not."""
    from local_stack.cli.printing import console, visible
    from recovery.told import NEXT_STEPS

    out, found = console(), done.audit
    looked = f"{found.documents} documents, {found.vectors} vectors, {found.objects} objects in {found.seconds:.1f} s"
    if repaired := done.repaired:
        out.print(
            f"{found.collection}: repaired: {repaired.due_again} due again, {repaired.points_distrusted} points "
            f"distrusted, {repaired.points_deleted} deleted, {repaired.rows_forgotten} rows of lost history forgotten, "
            f"{repaired.swept} changes of sources recorded"
        )
    due = f"; {found.due} arrivals are due" if found.due else ""
    if done.is_clean:
        out.print(f"{found.collection}: clean. {looked}{due}.", style="green")
        return
    differs = [f"{len(found.differences)} kinds of difference"] if found.differences else []
    differs += ["not all could be looked at"] if found.not_looked_at else []
    differs += ["the repair's work goes on"] if done.unfinished else []
    out.print(f"{found.collection}: {'; '.join(differs)}. {looked}{due}.", style="red")
    for each in found.differences:
        out.print(f"  {each.kind}: {each.things} in {each.places} places")
        for example in each.examples:
            out.print(f"    {visible(example)}")
        out.print(f"    → {NEXT_STEPS[each.kind]}")
    for unlooked in found.not_looked_at:
        out.print(f"  not looked at: {visible(unlooked)}", style="yellow")
    if done.unfinished:
        out.print(f"  {done.unfinished} documents are still to be worked on: see 'rag status'.", style="yellow")


def _chosen(settings: "Settings", named: str | None) -> "tuple[list[LoadedCollection], list[str]]":
    """Return the collections to look at, and what is wrong with the files of others."""
    from resources.clients.collection_files import load_collection, usable_collections

    if named is not None:
        return [load_collection(settings.collections, named)], []
    usable, problems = usable_collections(settings.collections)
    return list(usable), [str(problem) for problem in problems]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
