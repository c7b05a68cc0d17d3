"""Dagster's daemon → kube-apiserver → pod → run → index, for many partitions while pods are killed.

``python -m tests.deploy.kubernetes.acceptance`` (``make accept-kubernetes``) starts a cluster, puts documents into a
bucket and lets the daemon find them: a block of four documents a partition, a pod a run, two at once. Pods are
killed -9 in the middle of their runs. At the end every partition is materialized, and source, catalog, Parquet and
index are equal. It prints one line of JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import dagster as dg

from rag_core.arrivals import ArrivalState
from tests.deploy.kubernetes.binder import Binder
from tests.deploy.kubernetes.control_plane import ControlPlane
from tests.deploy.kubernetes.kubelet import Kubelet
from tests.deploy.kubernetes.platform import IMAGE, Platform, Run
from tests.e2e.index_state import points_of

DOCUMENTS_A_BLOCK = 4
LIMIT_S = 1500
COLLECTION = f"""\
name: notes
sources:
  - name: inbox
    url: s3://BUCKET/inbox
    sweep: {{interval_s: 5}}
partition_size: {DOCUMENTS_A_BLOCK}
runs:
  launch_grace_s: 60
  kubernetes:
    requests: {{cpu: 1}}
    limits: {{memory: 3Gi}}
"""


def main() -> int:
    """Run the acceptance; 0 if everything is as promised."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--blocks", type=int, default=50)
    asked.add_argument("--kills", type=int, default=5)
    asked.add_argument("--seed", type=int, default=7)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="rag-accept-kubernetes-") as named:
        folder = Path(named)
        with (
            ControlPlane() as plane,
            Binder(plane.kubeconfig()),
            Kubelet("node", plane.kubeconfig(), folder / "nodes", image=IMAGE) as node,
            Platform(plane, folder / "platform", {"notes": COLLECTION}) as platform,
        ):
            found = _accepted(platform, node, blocks=options.blocks, kills=options.kills, seed=options.seed)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["ok"] else 1


def _accepted(platform: Platform, node: Kubelet, *, blocks: int, kills: int, seed: int) -> dict[str, object]:
    documents = {f"inbox/{number:04d}.md": _text(number, seed) for number in range(blocks * DOCUMENTS_A_BLOCK)}
    began_s = time.monotonic()
    platform.put_all(documents)
    killed = _kill_some(platform, node, kills=kills, chosen=random.Random(seed), every=blocks // (kills + 1))
    platform.wait_indexed("notes", len(documents), limit_s=LIMIT_S)
    seconds = time.monotonic() - began_s
    runs = platform.runs("notes")
    uris = {payload["uri"] for payload, _, _ in points_of(platform.index.url, "notes").values()}
    audit = platform.audit("notes")
    materialized = platform.materialized("notes")
    partitions = set(platform.instance.get_dynamic_partitions("notes_blocks"))
    is_whole = uris == {f"s3://{platform.bucket}/{key}" for key in documents}
    return {
        "ok": bool(audit["clean"]) and is_whole and materialized == partitions and len(killed) == kills,
        "partitions": len(partitions),
        "materialized": len(materialized),
        "documents": len(documents),
        "documents_in_index": len(uris),
        "pods_killed": len(killed),
        "runs": dict(Counter(run.status.value for run in runs)),
        "audit_clean": audit["clean"],
        "seconds": round(seconds, 1),
    }


def _kill_some(platform: Platform, node: Kubelet, *, kills: int, chosen: random.Random, every: int) -> list[Run]:
    """Kill a pod in the middle of its run, again each time ``every`` further blocks are done; return the runs."""
    killed: list[Run] = []
    ends_s = time.monotonic() + LIMIT_S
    while len(killed) < kills and time.monotonic() < ends_s:
        done = platform.states("notes").get(ArrivalState.INDEXED, 0) // DOCUMENTS_A_BLOCK
        working = [run for run in platform.started("notes") if run not in killed]
        pods = [(run, pod) for run in working for pod in node.running() if pod.startswith(run.job)]
        if pods and done >= every * len(killed):
            run, pod = chosen.choice(pods)
            node.kill9(pod)
            killed.append(run)
        time.sleep(0.2)
    return [run for run in killed if _status(platform, run) is not dg.DagsterRunStatus.SUCCESS]


def _status(platform: Platform, run: Run) -> dg.DagsterRunStatus:
    return next(each.status for each in platform.runs("notes") if each.id == run.id)


def _text(number: int, seed: int) -> str:
    words = random.Random(f"{seed}/{number}")
    paragraphs = [
        f"Shelf {words.randrange(1000)} of room {number} holds {words.randrange(2, 90)} boxes of "
        f"{words.choice(['maps', 'letters', 'tools', 'seeds', 'lamps'])}, counted by clerk {words.randrange(10**6)}."
        for _ in range(12)
    ]
    return f"# Room {number}\n\n" + "\n\n".join(paragraphs) + "\n"


if __name__ == "__main__":
    sys.exit(main())
