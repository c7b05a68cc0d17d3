"""Collection files as they are now: runs read them when they start, so whoever asks for runs must too."""

import os
from functools import lru_cache
from pathlib import Path

from rag_core.errors import ConfigurationError
from resources.clients.collection_files import LoadedCollection, Problem, usable_collections

_Signature = tuple[tuple[str, int, int, int], ...]


def declared_now(loaded: LoadedCollection) -> LoadedCollection:
    """Return a collection as its folder's files declare it now; raises ``ConfigurationError`` with what is wrong.

    A folder none of whose files changed is not parsed again; what is wrong with other collections is theirs.
    """
    usable, problems = _usable(loaded.base_dir, Path.cwd(), os.environ.get("RAG_HOME", ""), _signature(loaded.base_dir))
    for each in usable:
        if each.collection.name == loaded.collection.name:
            return each
    raise ConfigurationError(
        "\n".join(
            [
                f"The collection {loaded.collection.name!r} is not usable as its file is now; no run is asked for.",
                *(f"  {problem}" for problem in problems),
            ]
        ),
        remedy="Correct the file and run `rag collections check`; if the collection is gone, reload the code location.",
    )


def _signature(folder: Path) -> _Signature:
    """Return what changes when a file of the folder is written, replaced, added or removed."""
    found: list[tuple[str, int, int, int]] = []
    try:
        with os.scandir(folder) as entries:
            for each in entries:
                if each.name.endswith((".yaml", ".yml")):
                    state = each.stat()
                    found.append((each.name, state.st_ino, state.st_mtime_ns, state.st_size))
    except OSError:
        return ()  # the files' own reader says what is wrong
    return tuple(sorted(found))


@lru_cache(maxsize=4)
def _usable(
    folder: Path, working_folder: Path, home: str, signature: _Signature
) -> tuple[tuple[LoadedCollection, ...], tuple[Problem, ...]]:
    del working_folder, home, signature  # part of the key alone
    return usable_collections(folder)
