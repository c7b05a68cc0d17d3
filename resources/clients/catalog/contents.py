"""Contents that are known by their hash: the same bytes under another name take over stored rows."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.values import FoundPart


class Contents:
    """One row for each content of a collection, naming the newest arrival made from it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, collection: str, arrivals: Mapping[str, int]) -> None:
        """Remember, by the SHA-256 of their bytes, arrivals whose rows are stored; losing this loses only reuse."""
        if arrivals:
            ordered = sorted(arrivals.items())
            with self._database.transaction() as connection:
                connection.execute(
                    _REMEMBER,
                    {
                        "collection": collection,
                        "hashes": [sha256 for sha256, _ in ordered],
                        "numbers": [number for _, number in ordered],
                    },
                )

    def find(self, collection: str, hashes: Sequence[str], asset: str, fingerprint: str) -> dict[str, FoundPart]:
        """Return, for each of these contents that has any, the arrival with rows of an asset and spec, and the file."""
        if not hashes:
            return {}
        with self._database.transaction() as connection:
            rows = connection.execute(
                FIND, {"collection": collection, "hashes": list(hashes), "asset": asset, "fingerprint": fingerprint}
            ).all()
        return {row.sha256: FoundPart(arrival=row.number, file=row.file) for row in rows}


_REMEMBER = text("""
INSERT INTO contents AS c (collection, sha256, number)
SELECT :collection, sha256, number
FROM unnest(CAST(:hashes AS text[]), CAST(:numbers AS bigint[])) AS seen (sha256, number)
ON CONFLICT (collection, sha256) DO UPDATE SET number = excluded.number WHERE c.number < excluded.number
""")

FIND = text("""
SELECT c.sha256, c.number, p.file FROM unnest(CAST(:hashes AS text[])) AS wanted (sha256)
JOIN contents c ON c.collection = :collection AND c.sha256 = wanted.sha256
JOIN part_rows r ON r.collection = :collection AND r.asset = :asset AND r.number = c.number
    AND r.fingerprint = :fingerprint
JOIN parts p ON p.id = r.part_id
""")
