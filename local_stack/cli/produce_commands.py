"""``rag produce``: files, JSON lines and Wikimedia's changes into a topic."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from local_stack.cli.options import Json
from rag_core.errors import InvalidRequest

if TYPE_CHECKING:
    from local_stack.producing.running import SendOptions
    from local_stack.producing.stopping import Stop
    from local_stack.producing.tally import Produced
    from local_stack.producing.target import Target

app = typer.Typer()
produce = typer.Typer(help="Send files, JSON lines or Wikimedia's changes to a Kafka topic.", no_args_is_help=True)
app.add_typer(produce, name="produce")

WIKIMEDIA = "https://stream.wikimedia.org/v2/stream/recentchange"
_STOPPED = 130
_FOLLOWED_GIVE_UP_S = 3600.0

Topic = Annotated[str | None, typer.Option(help="Topic; may be left out where the collection reads only one.")]
Bootstrap = Annotated[str | None, typer.Option(help="Brokers, host:port, comma-separated; default RAG_KAFKA.")]
OfCollection = Annotated[
    str | None, typer.Option("--collection", "-c", help="Take brokers, TLS and login from this collection's file.")
]
Partitions = Annotated[
    int | None, typer.Option(min=1, max=10_000, help="Make the topic with so many, if it is not there.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Count what cannot be sent and go on.")]
GiveUpAfter = Annotated[float, typer.Option(min=0, max=604_800, help="Seconds without a broker after which to stop.")]
Key = Annotated[str | None, typer.Option(help="Template over a message's fields, such as '{channel}/{page}'.")]
Rate = Annotated[str, typer.Option(metavar="N/s", help="Messages a second; 0: as fast as possible.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Send so many and end.")]


@produce.command()
def files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, and folders with all that is in them.")],
    *,
    topic: Topic = None,
    bootstrap: Bootstrap = None,
    collection: OfCollection = None,
    partitions: Partitions = None,
    skip_bad: SkipBad = False,
    give_up_after: GiveUpAfter = 120.0,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until the collections that read the topic have no work left.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds to wait at most, with --wait.")] = 600,
    as_json: Json = False,
) -> None:
    """Send each file as one inline document; its path, as rag ingest would name it, is the key."""
    from local_stack.producing.files import file_messages
    from local_stack.producing.running import SendOptions, send_all

    target = _target(topic, bootstrap, collection, partitions)
    items = file_messages(paths, topic=target.topic, max_bytes=target.max_message_bytes)

    def send(stop: "Stop", seen: Callable[[int, int], None]) -> "Produced":
        options = SendOptions(give_up_after_s=give_up_after, skip_bad=skip_bad, seen=seen)
        return send_all(items, target, options, stop)

    produced = _sent(send, as_json=as_json)
    _end(produced, as_json=as_json)
    if wait and produced.last_offsets:
        _wait(produced, timeout_s=timeout, is_shown=not as_json)


@produce.command()
def jsonl(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of JSON lines, plain or gzip.")],
    *,
    key: Key = None,
    topic: Topic = None,
    bootstrap: Bootstrap = None,
    collection: OfCollection = None,
    partitions: Partitions = None,
    rate: Rate = "0",
    limit: Limit = None,
    skip_bad: SkipBad = False,
    give_up_after: GiveUpAfter = 120.0,
    as_json: Json = False,
) -> None:
    """Send each line as it is, in order; --key says which fields make the key, without it there is none."""
    from local_stack.producing.keys import key_by, no_key
    from local_stack.producing.running import SendOptions

    per_s = _per_s(rate)
    target = _target(topic, bootstrap, collection, partitions)
    key_of = no_key if key is None else key_by(key, topic=target.topic)
    options = SendOptions(give_up_after_s=give_up_after, skip_bad=skip_bad, per_s=per_s, limit=limit)
    _send_lines(paths, target, options, key_of, as_json=as_json)


@produce.command()
def wikimedia(
    *,
    url: Annotated[str | None, typer.Option(help=f"Stream of server-sent events; default {WIKIMEDIA}.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Send this file of events instead, plain or gzip.")] = None,
    rate: Rate = "0",
    key: Key = None,
    last_event_id: Annotated[str | None, typer.Option(help="Go on behind this event, as an earlier end told.")] = None,
    user_agent: Annotated[str | None, typer.Option(help="Wikimedia asks for one that says whom to write to.")] = None,
    topic: Topic = None,
    bootstrap: Bootstrap = None,
    collection: OfCollection = None,
    partitions: Partitions = None,
    limit: Limit = None,
    skip_bad: SkipBad = False,
    give_up_after: Annotated[
        float | None,
        typer.Option(
            min=0, max=604_800, help="Seconds without broker or stream after which to stop; 3600, replay 120."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send Wikimedia's changes as they happen, until Ctrl-C; the key is the page. --replay sends a file of them."""
    from local_stack.producing.event_stream import EventStream, StreamOptions
    from local_stack.producing.keys import key_by, page_key
    from local_stack.producing.running import SendOptions, follow

    live = {"--url": url, "--last-event-id": last_event_id, "--user-agent": user_agent}
    _not_together(live if replay is not None else {}, with_="--replay")
    per_s = _per_s(rate)
    if per_s and replay is None:
        raise InvalidRequest("--rate belongs to --replay: a stream has its own.", remedy="Leave --rate out.")
    target = _target(topic, bootstrap, collection, partitions)
    key_of = page_key(target.topic) if key is None else key_by(key, topic=target.topic)
    if replay is not None:
        patience_s = 120.0 if give_up_after is None else give_up_after
        options = SendOptions(give_up_after_s=patience_s, skip_bad=skip_bad, per_s=per_s, limit=limit)
        _send_lines([replay], target, options, key_of, as_json=as_json)
        return
    patience_s = _FOLLOWED_GIVE_UP_S if give_up_after is None else give_up_after
    stream = EventStream(
        StreamOptions(
            url=url or WIKIMEDIA,
            user_agent=user_agent or _user_agent(),
            last_event_id=last_event_id or "",
            max_event_bytes=target.max_message_bytes,
            give_up_after_s=patience_s,
        )
    )

    def send(stop: "Stop", seen: Callable[[int, int], None]) -> "Produced":
        options = SendOptions(give_up_after_s=patience_s, skip_bad=skip_bad, limit=limit, seen=seen)
        return follow(stream, target, options, stop, key_of=key_of)

    _end(_sent(send, as_json=as_json), as_json=as_json, stopping_is_success=True)


def _wait(produced: "Produced", *, timeout_s: float, is_shown: bool) -> None:
    """Wait until what was sent is done, and say what became of the documents."""
    from local_stack.cli.printing import console, visible
    from local_stack.cli.waiting_for_stream import wait_until_done

    done = wait_until_done(produced.topic, produced.last_offsets, timeout_s=timeout_s)
    for name, documents in done.items() if is_shown else ():
        states = ", ".join(f"{number} {state}" for state, number in documents.items() if number)
        console().print(f"{visible(name)}: {states or 'no documents'}.")


def _send_lines(paths: list[Path], target: "Target", options: "SendOptions", key_of: Any, *, as_json: bool) -> None:
    from dataclasses import replace

    from local_stack.producing.json_lines import JsonLines
    from local_stack.producing.running import send_all

    lines = JsonLines(paths, key_of=key_of, max_bytes=target.max_message_bytes)

    def send(stop: "Stop", seen: Callable[[int, int], None]) -> "Produced":
        return send_all(lines, target, replace(options, seen=seen), stop)

    _end(_sent(send, as_json=as_json, fraction=lambda: lines.fraction), as_json=as_json)


def _target(topic: str | None, bootstrap: str | None, collection: str | None, partitions: int | None) -> "Target":
    from local_stack.producing.target import chosen_target
    from resources.clients.settings import load_settings

    return chosen_target(
        load_settings(), topic=topic, bootstrap=bootstrap, collection=collection, partitions=partitions
    )


def _sent(
    send: "Callable[[Stop, Callable[[int, int], None]], Produced]",
    *,
    as_json: bool,
    fraction: Callable[[], float | None] = lambda: None,
) -> "Produced":
    """Send with a bar, stopped by signals."""
    from local_stack.cli.sending_bar import sending_bar
    from local_stack.producing.stopping import stopped_by_signals

    with stopped_by_signals() as stop, sending_bar(show=not as_json, fraction=fraction) as seen:
        return send(stop, seen)


def _end(produced: "Produced", *, as_json: bool, stopping_is_success: bool = False) -> None:
    """Print what was done and end with the exit code that fits."""
    from local_stack.cli.printing import console, plain, print_json, visible

    if as_json:
        print_json(_members(produced))
    else:
        rate = produced.messages / produced.seconds if produced.seconds else 0.0
        console().print(
            f"{produced.messages} messages, {produced.bytes} bytes to {produced.topic} in {produced.seconds:.1f} s "
            f"({rate:,.0f}/s), all acknowledged."
        )
        offsets = ", ".join(f"{number}: {offset}" for number, offset in produced.last_offsets.items())
        if offsets:
            console().print(f"Last offset by partition: {offsets}")
        if produced.sent_again:
            console().print(f"{produced.sent_again} were sent again after an outage and may be there twice, in order.")
        if produced.bad or produced.left_out:
            console().print(f"Not sent: {produced.bad} bad, {produced.left_out} left out.", style="yellow")
            for each in produced.named:
                console().print(f"  {visible(each['where'])}: {plain(each['reason'])}", style="yellow")
        if produced.followed is not None and produced.followed.last_event_id:
            console().print(f"Go on with --last-event-id '{visible(produced.followed.last_event_id)}'")
    if produced.was_stopped and not stopping_is_success:
        raise typer.Exit(_STOPPED)


def _members(produced: "Produced") -> dict[str, Any]:
    members = asdict(produced)
    members["seconds"] = round(produced.seconds, 3)
    members["last_offsets"] = {str(number): offset for number, offset in produced.last_offsets.items()}
    return {name: value for name, value in members.items() if value is not None}


def _per_s(rate: str) -> float:
    found = re.fullmatch(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)(?:/s)?", rate.strip())
    if found is None:
        raise InvalidRequest(f"--rate {rate!r} is no number of messages a second.", remedy="Say --rate 200/s, or 0.")
    return float(found[1])


def _not_together(options: Mapping[str, object], *, with_: str) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise InvalidRequest(f"{' and '.join(given)} cannot be with {with_}.", remedy="Leave one of them out.")


def _user_agent() -> str:
    from importlib.metadata import version

    return f"rag-assets/{version('rag-assets')} httpx/{version('httpx')}"
