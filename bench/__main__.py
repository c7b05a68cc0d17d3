"""``python -m bench``: measure, then write the results, the table and the plot.

python -m bench --data ../shared/data/scifact
python -m bench --quick --only freshness --only search
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench import results
from bench.found import PARTS
from bench.provenance import this_run
from bench.running import Bench
from bench.scale import FULL, QUICK, Given
from bench.tables import table


def main() -> int:
    """Measure, write and print; 1 when a part failed."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack ends with the benchmark
    began = time.monotonic()
    run = this_run(is_quick=arguments.quick)
    scale = QUICK if arguments.quick else FULL
    if arguments.repetitions is not None:
        scale = replace(scale, repetitions=max(1, arguments.repetitions))
    given = Given(data=arguments.data, pdfs=arguments.pdfs, events=arguments.events)
    if arguments.work is not None:
        arguments.work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="rag-bench-", dir=arguments.work))
    try:
        bench = Bench(scale, given, arguments.only or PARTS, folder)
        bench.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = results.to_json(
        run,
        bench.found.values(),
        data={part: given.of(part) for part in PARTS},
        documents=given.documents,
        steps=bench.steps,
        seconds=time.monotonic() - began,
    )
    results.write(arguments.out, found)
    print(table(found))
    return int(bench.has_failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a test collection in BEIR's form; without it documents are made")
    parser.add_argument("--pdfs", type=Path, help="a folder of PDFs to parse, too")
    parser.add_argument(
        "--events", type=Path, help="gzipped JSON lines of edit events to stream; without it they are made"
    )
    parser.add_argument("--quick", action="store_true", help="on a tenth of the data, in five minutes")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--repetitions", type=int, help="how often the whole corpus is ingested; default 3, quick 1")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where the results are written")
    parser.add_argument("--work", type=Path, help="folder for the stack, on a real disk; default the system's")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
