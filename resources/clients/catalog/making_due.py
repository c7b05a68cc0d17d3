"""Making settled work due again: a person asks, or a parser, chunking or metadata rule has changed."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from resources.clients.catalog.database import Database, notify_due
from resources.clients.catalog.values import DueFilter, ProcessingSpec


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

        Each is asked for once a spec: a document that then fails is not asked for again. Quarantined ones are tried
        again under a new spec too.
        """
        with self._database.transaction() as connection:
            asked = _ask_documents(connection, index_name, spec, limit)
            if asked < limit:
                parameters = {"collection": collection, "wanted": spec.fingerprint, "limit": limit - asked}
                asked += connection.execute(ASK_QUARANTINED, parameters).rowcount
            if asked:
                notify_due(connection, collection)
        return asked


def _ask_documents(connection: Connection, index_name: str, spec: ProcessingSpec, limit: int) -> int:
    made_by = connection.execute(MADE_BY, {"index_name": index_name}).all()
    asked = 0
    for parser, chunking, metadata_rules in made_by:
        is_current = chunking == spec.chunking and metadata_rules == spec.metadata_rules
        if asked >= limit or (is_current and parser in spec.parser_versions):
            continue
        documents = connection.execute(
            ASK_DOCUMENTS,
            {
                "index_name": index_name,
                "parser": parser,
                "chunking": chunking,
                "metadata_rules": metadata_rules,
                "wanted": spec.fingerprint,
                "limit": limit - asked,
            },
        ).scalars()
        ids = sorted(documents)
        if ids:
            connection.execute(_MAKE_NEWEST, {"documents": ids})
        asked += len(ids)
    return asked


_MAKE_NUMBERED = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, due_at = now(), due_reason = :reason, changed_at = now()
FROM (
    SELECT p.number FROM arrivals p
    WHERE p.collection = :collection AND p.number = ANY(CAST(:numbers AS bigint[])) AND p.state <> 'processing'
        AND NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = p.document_id AND n.number > p.number)
    ORDER BY p.number LIMIT :limit FOR UPDATE
) chosen
WHERE a.collection = :collection AND a.number = chosen.number
""")

_MAKE_FILTERED = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, due_at = now(), due_reason = :reason, changed_at = now()
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

# The index document_indexes_by_spec is walked from one distinct (parser, chunking, rules) to the next: few exist.
MADE_BY = text("""
WITH RECURSIVE walk AS (
    (SELECT parser, chunking, metadata_rules FROM document_indexes
     WHERE index_name = :index_name ORDER BY parser, chunking, metadata_rules LIMIT 1)
    UNION ALL
    SELECT next.parser, next.chunking, next.metadata_rules FROM walk, LATERAL (
        SELECT parser, chunking, metadata_rules FROM document_indexes
        WHERE index_name = :index_name
            AND (parser, chunking, metadata_rules) > (walk.parser, walk.chunking, walk.metadata_rules)
        ORDER BY parser, chunking, metadata_rules LIMIT 1) next
)
SELECT parser, chunking, metadata_rules FROM walk
""")

ASK_DOCUMENTS = text("""
UPDATE document_indexes SET asked_spec = :wanted WHERE index_name = :index_name AND document_id = ANY(ARRAY(
    SELECT document_id FROM (
        (SELECT document_id FROM document_indexes
         WHERE index_name = :index_name AND parser = :parser AND chunking = :chunking
            AND metadata_rules = :metadata_rules AND asked_spec < :wanted ORDER BY asked_spec LIMIT :limit)
        UNION ALL
        (SELECT document_id FROM document_indexes
         WHERE index_name = :index_name AND parser = :parser AND chunking = :chunking
            AND metadata_rules = :metadata_rules AND asked_spec > :wanted ORDER BY asked_spec LIMIT :limit)) differing
    LIMIT :limit))
RETURNING document_id
""")

_MAKE_NEWEST = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, due_at = now(), due_reason = 'spec', changed_at = now()
FROM (
    SELECT p.collection, p.number FROM unnest(CAST(:documents AS uuid[])) AS d (id)
    JOIN arrivals p ON p.document_id = d.id
        AND p.number = (SELECT max(n.number) FROM arrivals n WHERE n.document_id = d.id)
    WHERE p.state <> 'processing'
    ORDER BY p.number FOR UPDATE OF p
) newest
WHERE a.collection = newest.collection AND a.number = newest.number
""")

ASK_QUARANTINED = text("""
UPDATE arrivals a SET state = 'pending', attempts = 0, due_at = now(), due_reason = 'spec', changed_at = now()
FROM (
    SELECT p.number FROM arrivals p
    WHERE p.collection = :collection AND p.state = 'quarantined' AND p.due_at IS NULL
        AND (p.tried_spec > '' AND p.tried_spec < :wanted OR p.tried_spec > :wanted)
        AND NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = p.document_id AND n.number > p.number)
    ORDER BY p.number LIMIT :limit FOR UPDATE
) chosen
WHERE a.collection = :collection AND a.number = chosen.number
""")
