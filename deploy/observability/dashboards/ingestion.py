"""Ingestion: is it fresh, what waits, what failed, and is the index what the catalog says."""

from grafana_foundation_sdk.builders import dashboard

from deploy.observability.dashboards.panels import CHOSEN, RATE, board, figures, lines, newest, number
from query_api.observing import names

_SEARCHABLE = names.SEARCHABLE_SECONDS.name


def ingestion() -> dashboard.Dashboard:
    """Return the dashboard of the ingestion."""
    made = board(
        "RAG: ingestion",
        "rag-ingestion",
        about="From a source to the index. The catalog's figures: every process exports the same.",
        by_collection=names.DOCUMENTS,
    )
    for part in (_at_a_glance, _freshness, _work, _outside, _equal):
        made = part(made)
    return made


def _at_a_glance(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("At a glance"))
        .with_panel(
            number(
                "Documents that answer",
                "short",
                f"sum({newest(names.DOCUMENTS, 'collection', 'state', where=_in_states('indexed|unchanged'))})",
                about="Documents whose newest version is in the index.",
            )
        )
        .with_panel(
            number(
                "Searchable within a minute",
                "percentunit",
                f"sum({_searchable_rate('_bucket', le='60.0')}) / sum({_searchable_rate('_count')})",
                about="Of the new versions that became searchable. The objective is 99 % over 30 days.",
            )
        )
        .with_panel(
            number(
                "Oldest that waits",
                "s",
                f"max({newest(names.OLDEST_PENDING, 'collection', where=CHOSEN)})",
                about="Age of the oldest arrival that is not settled.",
                warn_at=300,
                bad_at=1800,
            )
        )
        .with_panel(
            number(
                "Quarantined",
                "short",
                f"sum({newest(names.DOCUMENTS, 'collection', 'state', where=_in_states('quarantined'))})",
                about="Documents whose newest version failed for good: rag documents --state quarantined.",
                warn_at=1,
            )
        )
        .with_panel(
            number(
                "Sources that stopped",
                "short",
                f"sum({newest(names.STOPPED_SOURCES, 'collection', where=CHOSEN)})",
                about="They wait for a person: docs/runbooks/source-stopped.md.",
                bad_at=1,
            )
        )
        .with_panel(
            number(
                "Dead letters",
                "short",
                f"sum({newest(names.DEAD_LETTERS, 'collection', 'stream', where=CHOSEN)}) or vector(0)",
                about="Messages that fit no form: docs/runbooks/dead-letters.md.",
                warn_at=1,
            )
        )
    )


def _freshness(made: dashboard.Dashboard) -> dashboard.Dashboard:
    rates = f"sum by (le) ({_searchable_rate('_bucket', more_by='le')})"
    return (
        made.with_row(dashboard.Row("Freshness"))
        .with_panel(
            lines(
                "From arrival to searchable",
                "s",
                [(f"histogram_quantile({share}, {rates})", f"{share:.0%}") for share in (0.5, 0.95, 0.99)],
                about="Counted once for a version, when it is in the index.",
            )
        )
        .with_panel(
            lines(
                "Late, of those that became searchable",
                "percentunit",
                [
                    (f"collection:rag_late_arrivals:ratio_rate{window}{{{CHOSEN}}}", f"{{{{collection}}}}, {window}")
                    for window in ("5m", "1h", "6h")
                ],
                about="Later than a minute; the alerts burn by these. Missing while nothing arrives.",
            )
        )
        .with_panel(
            figures("Oldest that waits", "s", names.OLDEST_PENDING, "collection", about="0 where nothing waits.")
        )
        .with_panel(
            lines(
                "New versions searchable",
                "ops",
                [(_searchable_rate("_count"), "{{collection}}")],
                about="First time in the index, a second.",
            )
        )
    )


def _work(made: dashboard.Dashboard) -> dashboard.Dashboard:
    settled = f"max by (collection, state) (rate({names.SETTLED.name}{{{CHOSEN}}}[{RATE}]))"
    return (
        made.with_row(dashboard.Row("Work"))
        .with_panel(
            lines(
                "Outcomes",
                "ops",
                [(f"sum by (state) ({settled})", "{{state}}")],
                about="What runs wrote down of arrivals, a second.",
            )
        )
        .with_panel(
            lines(
                "Documents by state",
                "short",
                [(f"sum by (state) ({newest(names.DOCUMENTS, 'collection', 'state', where=CHOSEN)})", "{{state}}")],
                about="By the state of their newest arrival.",
            )
        )
        .with_panel(
            lines(
                "Open work",
                "short",
                [
                    (
                        f"sum by (collection) ({newest(names.DOCUMENTS, 'collection', 'state', where=_open())})",
                        "{{collection}}",
                    )
                ],
                about="Documents that are pending, in a run, or to be tried again.",
            )
        )
        .with_panel(
            lines(
                "Quarantined, of all outcomes",
                "percentunit",
                [
                    (
                        f"max by (collection) (increase({names.SETTLED.name}{{{_in_states('quarantined')}}}[1h]))"
                        f" / (sum by (collection) (max by (collection, state)"
                        f" (increase({names.SETTLED.name}{{{CHOSEN}}}[1h]))) > 0)",
                        "{{collection}}",
                    )
                ],
                about="In the last hour.",
            )
        )
    )


def _outside(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("Streams and queues"))
        .with_panel(
            lines(
                "Messages that are unread",
                "short",
                [
                    (
                        newest(names.STREAM_LAG, "collection", "stream", "topic", where=CHOSEN),
                        "{{collection}}/{{stream}} {{topic}}",
                    ),
                    (newest(names.QUEUE_WAITING, "collection", "source", where=CHOSEN), "{{collection}}/{{source}}"),
                ],
                about="When the topic was recorded last, or the queue looked at.",
            )
        )
        .with_panel(
            figures(
                "Dead letters",
                "short",
                names.DEAD_LETTERS,
                "collection",
                "stream",
                about="Messages that fit no form and wait for a person.",
            )
        )
        .with_panel(
            figures(
                "Messages to be sent",
                "short",
                names.OUTBOX_WAITING,
                "collection",
                about="They wait until Kafka takes them.",
            )
        )
        .with_panel(
            figures(
                "Since a queue was read",
                "s",
                names.QUEUE_READ_AGE,
                "collection",
                "source",
                about="Some seconds while a listener reads it.",
            )
        )
    )


def _equal(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        made.with_row(dashboard.Row("Index, catalog, disk"))
        .with_panel(
            lines(
                "Points",
                "short",
                [
                    (newest(names.CATALOG_POINTS, "collection", where=CHOSEN), "{{collection}}, by the catalog"),
                    (newest(names.INDEX_POINTS, "collection", where=CHOSEN), "{{collection}}, in the index"),
                ],
                about="They differ for moments while documents are written.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Points that the index lacks",
                "short",
                [(f"collection:rag_missing_points:count{{{CHOSEN}}}", "{{collection}}")],
                about="Below 0: points that the catalog does not know. rag audit says which.",
                width=8,
            )
        )
        .with_panel(
            lines(
                "Room of RAG_HOME",
                "percentunit",
                [(f"{names.HOME_FREE.name} / {names.HOME_SIZE.name}", "{{instance}}")],
                about="The file system in which a process keeps its state.",
                width=8,
            )
        )
    )


def _in_states(states: str) -> str:
    return f'{CHOSEN}, state=~"{states}"'


def _open() -> str:
    return _in_states("pending|processing|retrying")


def _searchable_rate(series: str, *, le: str = "", more_by: str = "") -> str:
    by = ", ".join(word for word in ("collection", more_by) if word)
    where = CHOSEN + (f', le="{le}"' if le else "")
    return f"max by ({by}) (rate({_SEARCHABLE}{series}{{{where}}}[{RATE}]))"
