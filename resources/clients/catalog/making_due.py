"""Making settled work due again: a person asks, or a parser, chunking or metadata rule has changed."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from resources.clients.catalog.database import Database, notify_due
from resources.clients.catalog.values import DueFilter, ProcessingSpec

SPEC_REASON = "spec"


class MakingDue:
    """The half of ``Due`` that needs no claim."""

    _database: Database

    def make_due(self, collection: str, which: Sequence[int] | DueFilter, *, reason: str, limit: int = 10_000) -> int:
        """Make newest arrivals due again at once, attempts at 0; return how many. Crashes stay counted."""
        parameters = {"collection": collection, "reason": reason, "limit": limit}
        with self._database.transaction() as connection:
            if isinstance(which, DueFilter):
                made = connection.execute(
                    _MAKE_FILTERED,
                    {
                        **parameters,
                        "states": sorted(state.value for state in which.states),
                        "kinds": sorted(kind.value for kind in which.kinds),
                        "prefix": which.prefix,
                    },
                ).rowcount
            else:
                made = connection.execute(_MAKE_NUMBERED, {**parameters, "numbers": list(which)}).rowcount
            if made:
                notify_due(connection, collection)
        return made

    def make_due_where_spec_differs(
        self, collection: str, index_name: str, spec: ProcessingSpec, *, limit: int = 1000
    ) -> int:
        """Make up to ``limit`` documents due whose text or metadata another spec made; call until it returns 0.

        Each is asked for once a spec: a document that then fails, or that a run with another spec makes, is not asked
        for again. Quarantined ones are tried again under a new spec too. Only documents of the spec's sources.
        """
        with self._database.transaction() as connection:
            asked = _ask_documents(connection, index_name, spec, limit)
            if asked:
                notify_due(connection, collection)
        for source in sorted(spec.metadata_rules):
            if asked >= limit:
                break
            wanted = spec.fingerprint_of(source)
            parameters = {"collection": collection, "source": source, "wanted": wanted, "limit": limit - asked}
            with self._database.transaction() as connection:
                made = connection.execute(ASK_QUARANTINED, parameters).rowcount
                if made:
                    notify_due(connection, collection)
            asked += made
        return asked


def _ask_documents(connection: Connection, index_name: str, spec: ProcessingSpec, limit: int) -> int:
    """Mark documents as asked for, all before any arrival is locked, and make their newest arrivals due."""
    chosen: list[UUID] = []
    for made in connection.execute(MADE_BY, {"index_name": index_name}).all():
        is_current = (
            made.chunking == spec.chunking
            and made.metadata_rules == spec.rules_of(made.source)
            and made.parser in spec.parser_versions
        )
        parameters = {
            "index_name": index_name,
            "source": made.source,
            "parser": made.parser,
            "chunking": made.chunking,
            "metadata_rules": made.metadata_rules,
            "wanted": spec.fingerprint_of(made.source),
        }
        if is_current:
            connection.execute(FORGET_QUESTION, {**parameters, "limit": limit})
        elif made.source in spec.metadata_rules and len(chosen) < limit:
            chosen += connection.execute(ASK_DOCUMENTS, {**parameters, "limit": limit - len(chosen)}).scalars()
    if not chosen:
        return 0
    newest = connection.execute(LOCK_NEWEST, {"documents": sorted(chosen)}).all()
    # A run has it now, maybe with the old spec: it is asked for when that run has settled it.
    busy = [row.document_id for row in newest if row.state == "processing"]
    if busy:
        connection.execute(_UNASK, {"index_name": index_name, "documents": busy})
    numbers = [row.number for row in newest if row.state != "processing" and row.source in spec.metadata_rules]
    if numbers:
        connection.execute(
            _MAKE_NEWEST, {"collection": newest[0].collection, "numbers": numbers, "reason": SPEC_REASON}
        )
    return len(numbers)


# A spec that was asked for and taken back before it was used: it may be asked for again one day.
FORGET_QUESTION = text("""
UPDATE document_indexes SET asked_spec = '' WHERE index_name = :index_name AND document_id = ANY(ARRAY(
    SELECT document_id FROM document_indexes
    WHERE index_name = :index_name AND source = :source AND parser = :parser AND chunking = :chunking
        AND metadata_rules = :metadata_rules AND asked_spec > '' AND asked_spec <> :wanted
    ORDER BY asked_spec LIMIT :limit))
""")

_MAKE_NUMBERED = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, stays = 0, due_at = now(), due_reason = :reason,
    changed_at = now()
FROM (
    SELECT p.number FROM arrivals p
    WHERE p.collection = :collection AND p.number = ANY(CAST(:numbers AS bigint[])) AND p.state <> 'processing'
        AND NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = p.document_id AND n.number > p.number)
    ORDER BY p.number LIMIT :limit FOR UPDATE
) chosen
WHERE a.collection = :collection AND a.number = chosen.number
""")

_MAKE_FILTERED = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, stays = 0, due_at = now(), due_reason = :reason,
    changed_at = now()
FROM (
    SELECT p.number FROM arrivals p
    WHERE p.collection = :collection AND p.state = ANY(CAST(:states AS text[])) AND p.state <> 'processing'
        AND (cardinality(CAST(:kinds AS text[])) = 0 OR p.reason_kind = ANY(CAST(:kinds AS text[])))
        AND starts_with(p.uri, :prefix)
        AND NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = p.document_id AND n.number > p.number)
    ORDER BY p.number LIMIT :limit FOR UPDATE
) chosen
WHERE a.collection = :collection AND a.number = chosen.number
""")

# The index document_indexes_by_spec is walked from one distinct entry to the next: few exist.
MADE_BY = text("""
WITH RECURSIVE walk AS (
    (SELECT source, parser, chunking, metadata_rules FROM document_indexes
     WHERE index_name = :index_name ORDER BY source, parser, chunking, metadata_rules LIMIT 1)
    UNION ALL
    SELECT next.source, next.parser, next.chunking, next.metadata_rules FROM walk, LATERAL (
        SELECT source, parser, chunking, metadata_rules FROM document_indexes
        WHERE index_name = :index_name AND (source, parser, chunking, metadata_rules)
            > (walk.source, walk.parser, walk.chunking, walk.metadata_rules)
        ORDER BY source, parser, chunking, metadata_rules LIMIT 1) next
)
SELECT source, parser, chunking, metadata_rules FROM walk
""")

# Rows that a writer holds are left for the next call: a writer locks them by document, this one by what made them.
_MADE = """index_name = :index_name AND source = :source AND parser = :parser AND chunking = :chunking
            AND metadata_rules = :metadata_rules"""
ASK_DOCUMENTS = text(
    f"""
UPDATE document_indexes x SET asked_spec = :wanted, asked_at = clock_timestamp() FROM (
    SELECT document_id FROM document_indexes WHERE document_id = ANY(ARRAY(
        SELECT document_id FROM (
            (SELECT document_id FROM document_indexes WHERE {_MADE} AND asked_spec < :wanted
             ORDER BY asked_spec LIMIT :limit)
            UNION ALL
            (SELECT document_id FROM document_indexes WHERE {_MADE} AND asked_spec > :wanted
             ORDER BY asked_spec LIMIT :limit)) differing
        LIMIT :limit)) AND asked_spec <> :wanted AND {_MADE}
    ORDER BY document_id FOR UPDATE SKIP LOCKED) chosen
WHERE x.index_name = :index_name AND x.document_id = chosen.document_id
RETURNING x.document_id
"""  # noqa: S608 - constants of this module
)

_UNASK = text("""
UPDATE document_indexes SET asked_spec = '', asked_at = NULL
WHERE index_name = :index_name AND document_id = ANY(CAST(:documents AS uuid[]))
""")

LOCK_NEWEST = text("""
SELECT p.collection, p.number, p.document_id, p.state, p.source FROM unnest(CAST(:documents AS uuid[])) AS d (id)
JOIN arrivals p ON p.document_id = d.id
    AND p.number = (SELECT max(n.number) FROM arrivals n WHERE n.document_id = d.id)
ORDER BY p.number FOR UPDATE OF p
""")

_MAKE_NEWEST = text("""
UPDATE arrivals SET state = 'pending', attempts = 0, stays = 0, due_at = now(), due_reason = :reason, changed_at = now()
WHERE collection = :collection AND number = ANY(CAST(:numbers AS bigint[]))
""")

# Asked once a spec here too: a run whose spec is another one would store that as tried, and be asked again for ever.
ASK_QUARANTINED = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, stays = 0, due_at = now(), due_reason = 'spec ' || :wanted,
    changed_at = now()
FROM (
    SELECT p.number FROM arrivals p
    WHERE p.collection = :collection AND p.source = :source AND p.state = 'quarantined' AND p.due_at IS NULL
        AND (p.tried_spec > '' AND p.tried_spec < :wanted OR p.tried_spec > :wanted)
        AND p.due_reason <> 'spec ' || :wanted
        AND NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = p.document_id AND n.number > p.number)
    ORDER BY p.number LIMIT :limit FOR UPDATE
) chosen
WHERE a.collection = :collection AND a.number = chosen.number
""")
