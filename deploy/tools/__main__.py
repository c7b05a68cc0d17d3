"""`python -m deploy.tools build [NAME …]` builds what is missing; `list` says what there is and where."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.tools.building import BuildFailed, build
from deploy.tools.go_toolchain import NoGo, find_go
from deploy.tools.recipes import BY_NAME, TOOLS, Tool, cache_folder, placed_at


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every tool asked for is in its place (or was listed), 1 when one could not be built."""
    parser = argparse.ArgumentParser(prog="python -m deploy.tools", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    building = verbs.add_parser("build", help="build the tools named, or all; what is there is left alone")
    building.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BY_NAME))
    verbs.add_parser("list", help="each tool, its version, and where it lies")
    asked = parser.parse_args(arguments)
    cache = cache_folder()
    if asked.verb == "list":
        return _list(cache)
    if unknown := [name for name in asked.names if name not in BY_NAME]:
        parser.error(f"no tool named {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return _build([BY_NAME[name] for name in asked.names] or TOOLS, cache)


def _list(cache: Path) -> int:
    for tool in TOOLS:
        place = placed_at(tool, cache)
        _say(f"{tool.name:<26} {tool.version:<8} {place if place.is_file() else 'not built'}")
    return 0


def _build(tools: Sequence[Tool], cache: Path) -> int:
    missing = [tool for tool in tools if not placed_at(tool, cache).is_file()]
    if not missing:
        _say(f"All {len(tools)} tools are built, in {cache}")
        return 0
    try:
        go = find_go()
        for place, tool in enumerate(missing, start=1):
            named = f"{place}/{len(missing)} {tool.name} {tool.version}"
            _say(f"{named}: compiling, this takes minutes …")
            built = build(tool, cache=cache, go=go)
            _say(f"{named}: {built.elapsed_s:.0f} s, {_megabytes(built.path)} MB")
    except (NoGo, BuildFailed) as refused:
        print(refused, file=sys.stderr)  # noqa: T201 - a command line's own words
        return 1
    return 0


def _megabytes(path: Path) -> int:
    return round(path.stat().st_size / 1_000_000)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command line's own words


if __name__ == "__main__":
    sys.exit(main())
