"""Source roots of one collection that share objects: two sources would own the same documents, and delete each other's.

A document is named by its URI alone, so what counts is where a root really lies: links, bind mounts, ``..``, trailing
slashes and a file system's own idea of upper and lower case are seen through. An ``s3://`` URI names no endpoint: the
same bucket on two endpoints would give two objects one name.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag_core.collection import BucketSource
from rag_core.errors import ConfigurationError
from resources.clients.object_store.opening import location_of


def unusable_roots(sources: Sequence[BucketSource], base_dir: Path) -> Iterator[tuple[int, str]]:
    """Yield the index of each source whose url names no root, or one that overlaps an earlier source's, and why."""
    roots: list[tuple[BucketSource, Path | str, frozenset[object]]] = []
    for index, source in enumerate(sources):
        try:
            location = location_of(source, base_dir)
            above = _places(location) if len(sources) > 1 else frozenset[object]()
        except (ConfigurationError, ValueError) as error:  # ValueError: the path holds a NUL
            yield index, str(error)
            continue
        for other, place, places in roots:
            relation = _relation(_itself(location), above, _itself(place), places)
            if relation:
                whose = f"{source.url!r} {relation} {other.url!r} of source {other.name!r}"
                remedy = "Make them one source, or give each a root of its own"
                yield index, f"{whose}: the same objects would belong to both. {remedy}"
                break
        roots.append((source, location, above))


def _relation(
    mine: frozenset[object], above: frozenset[object], its: frozenset[object], over: frozenset[object]
) -> str:
    """Say how a root lies to another; each is known by what names it, and by what names it or anything above it."""
    if mine & its:
        return "is the same place as"
    if its & above:
        return "lies inside"
    return "holds" if mine & over else ""


def _itself(location: Path | str) -> frozenset[object]:
    if isinstance(location, str):
        return frozenset({_segments(location)})
    return _names(Path(os.path.realpath(location)))


def _places(location: Path | str) -> frozenset[object]:
    if isinstance(location, str):
        segments = _segments(location)
        return frozenset(segments[:length] for length in range(1, len(segments) + 1))
    real = Path(os.path.realpath(location))
    return frozenset(name for path in (real, *real.parents) for name in _names(path))


def _names(path: Path) -> frozenset[object]:
    """Return a folder's path and, where it is there, what the system knows it by, whatever it is called."""
    try:
        found = path.stat()
    except OSError:
        return frozenset({path})
    return frozenset({path, (found.st_dev, found.st_ino)})


def _segments(location: str) -> tuple[str, ...]:
    bucket, _, prefix = location.partition("/")
    prefix = prefix.strip("/")
    return (f"s3://{bucket}", *(prefix.split("/") if prefix else ()))
