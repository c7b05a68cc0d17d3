"""Bring a stack up, in an order in which every mistake is found before it does harm.

1. One ``rag up`` at a time: a lock in the home.
2. What a killed stack left is ended: two servers on one folder would destroy it.
3. Settings, programs and ports are checked; nothing has been started yet.
4. The folders are made: cluster, Dagster's home, and last ``stack.json``, by which others find the stack.
5. The supervisor starts the parts; each waits for what it needs.
6. Every part is asked, by its own probe, until it does its work.
"""

import contextlib
import fcntl
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local_stack.dagster_home import DATABASE_VARIABLE, dagster_environment, shares_the_catalog, write_dagster_home
from local_stack.kafka_broker.part import prepare_kafka
from local_stack.members import end_members
from local_stack.parts import Part
from local_stack.plan import Plan, plan_stack
from local_stack.ports import check_ports
from local_stack.postgres import create_cluster
from local_stack.private_files import generated_secret, write_private
from local_stack.probes import probe_of
from local_stack.run_state import read_state
from local_stack.status import PartStatus, stack_status
from local_stack.supervisor import log_path, start_supervisor, stop_supervisor
from local_stack.supervisor_socket import SupervisorSocket
from rag_core.errors import ConfigurationError, DependencyUnavailable
from resources.clients.collection_files import usable_collections
from resources.clients.home import stack_file
from resources.clients.settings import Settings

GIVES_UP_AFTER_DEATHS = 3
LOOK_EVERY_S = 0.25
EXTERNAL_LIMIT_S = 4.0
_READ_COLLECTIONS = {"dagster-webserver", "dagster-daemon", "run-workers", "api", "watcher", "listener"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """One part on its way up: ``missing`` says what it still lacks, and is empty when it is ready."""

    name: str
    url: str | None
    missing: str
    after_s: float | None = None


Watch = Callable[[list[Readiness]], None]


@contextlib.contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Hold the home's lock: a second ``rag up`` waits here until the first one is through."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "run").mkdir(mode=0o700, exist_ok=True)
    with (home / "run" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(
    settings: Settings,
    *,
    with_s3: bool,
    with_kafka: bool,
    say: Callable[[str], None],
    show_passing: Callable[[str], None],
) -> Plan:
    """Check everything and make what the parts find when they start; starts nothing.

    ``say`` gets what stays to be read, ``show_passing`` what is worth a glance while something takes long.
    """
    home = settings.home
    if left := end_members(home):
        say(f"Ended {left} processes that an earlier stack had left.")
    plan = plan_stack(settings, with_s3=with_s3, with_kafka=with_kafka)
    if not plan.parts:
        raise ConfigurationError("There is nothing to start.", remedy="See RAG_PARTS and the URL settings.")
    check_ports(plan.parts)
    names = {part.name for part in plan.parts}
    if names & _READ_COLLECTIONS and settings.workspace is None:
        _check_collections(settings, say)
    if "postgres" in names:
        _make_cluster(home, say)
    if "kafka" in names:
        prepare_kafka(plan.settings, say=say, show_passing=show_passing)
    for folder in ("qdrant", "s3/data", "logs", "dagster"):
        (home / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    if names & {"dagster-webserver", "dagster-daemon"}:
        write_dagster_home(plan.settings, has_run_workers="run-workers" in names)
    _check_replaced(plan)
    for part in plan.parts:  # a new life: old deaths no longer count
        (home / "run" / f"{part.name}.json").unlink(missing_ok=True)
    write_private(stack_file(home), json.dumps(plan.to_json(), indent=2))
    return plan


def start_and_wait(plan: Plan, *, ends_with_us: bool, limit_s: float, watch: Watch) -> None:
    """Start the parts and return when all are ready; otherwise end everything and say which was not, and why."""
    home = plan.settings.home
    try:
        start_supervisor(home, plan.parts, ends_with_us=ends_with_us)
        _wait_until_ready(plan, limit_s=limit_s, watch=watch)
    except BaseException:  # whatever it is, Ctrl-C included: nothing half started stays behind
        stop_supervisor(home)
        raise


def _wait_until_ready(plan: Plan, *, limit_s: float, watch: Watch) -> None:
    began = time.monotonic()
    lines = {part.name: Readiness(name=part.name, url=part.url, missing="starting") for part in plan.parts}
    while True:
        statuses = {status.name: status for status in stack_status(plan.settings.home)}
        if not all(part.name in statuses for part in plan.parts) or not SupervisorSocket(plan.settings.home).is_alive():
            raise DependencyUnavailable("The stack was stopped while it came up.", dependency="supervisor")
        for part in plan.parts:
            if lines[part.name].after_s is None:
                missing = _missing(part, statuses[part.name], plan.settings)
                after_s = None if missing else time.monotonic() - began
                lines[part.name] = Readiness(name=part.name, url=part.url, missing=missing, after_s=after_s)
        watch(list(lines.values()))
        late = [line for line in lines.values() if line.after_s is None]
        if not late:
            return
        for line in late:
            if read_state(plan.settings.home, line.name).restarts >= GIVES_UP_AFTER_DEATHS:
                raise _not_ready(plan, line, "keeps dying")
        if time.monotonic() - began > limit_s:
            raise _not_ready(plan, late[0], f"was not ready after {limit_s:.0f} s ({late[0].missing})")
        time.sleep(LOOK_EVERY_S)


def _missing(part: Part, status: PartStatus, settings: Settings) -> str:
    """Return what the part lacks; the deep probe is asked only once its port answers."""
    if status.state != "running":
        return f"{status.state} {status.detail}".strip()
    return probe_of(part.name, settings)()


def _not_ready(plan: Plan, line: Readiness, what: str) -> DependencyUnavailable:
    log = log_path(plan.settings.home, line.name)
    last = ""
    if log.exists():
        said = [text for text in log.read_text(encoding="utf-8", errors="replace").splitlines() if text.strip()]
        last = next((text for text in reversed(said) if not text.startswith("[rag]")), "")
        last = re.sub(r"\x1b\[[0-9;]*m", "", last)  # a program's colours
    return DependencyUnavailable(
        f"{line.name} {what}. Its last words: {last.strip()[:300] or 'none'}",
        dependency=line.name,
        remedy=f"Everything was stopped. See 'rag logs {line.name}'.",
    )


def _check_collections(settings: Settings, say: Callable[[str], None]) -> None:
    """Refuse a stack that could do nothing: its folder of collections is named wrong, or no file in it is usable."""
    folder = settings.collections
    usable, problems = usable_collections(folder)
    if not folder.is_dir() and "collections" in settings.model_fields_set:
        raise ConfigurationError(f"RAG_COLLECTIONS names {folder}, which is no folder.", remedy="Correct it.")
    if problems and folder.is_dir():
        for problem in problems:
            say(f"  {problem}")
        if not usable:
            raise ConfigurationError(
                f"No collection file in {folder} is usable.",
                remedy="Correct them until 'rag collections check' agrees.",
            )
        say("These files are left out: correct them until 'rag collections check' agrees.")
    elif not usable:
        say(f"There is no collection yet: write a file into {folder} (see 'Your own collection' in README.md).")


def _make_cluster(home: Path, say: Callable[[str], None]) -> None:
    data = home / "postgres" / "data"
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)  # an empty folder of that name
        say("Making the database cluster …")
    password = generated_secret(home, "postgres-password")
    opened = create_cluster(data, password=password, databases=("rag", "dagster"))
    if above := [str(folder) for folder in opened if folder != home and home not in folder.parents]:
        say(f"PostgreSQL does not run as root: its account may now pass through {', '.join(above)}.")


def _check_replaced(plan: Plan) -> None:
    """Ask the servers that URL settings name before anything relies on them."""
    for name, setting in plan.replaced.items():
        if name in ("dagster-webserver", "dagster-daemon", "api", "answers", "s3", "kafka"):
            continue  # nothing here depends on them at the start
        probe, end = probe_of(name, plan.settings), time.monotonic() + EXTERNAL_LIMIT_S
        while missing := probe():
            if time.monotonic() > end:
                raise DependencyUnavailable(
                    f"{setting}: {missing}.", dependency=name, remedy=f"Correct {setting}, or unset it to start one."
                )
            time.sleep(1)
    if shares_the_catalog(plan.settings) and any(part.name.startswith("dagster-") for part in plan.parts):
        from rag_assets.migrating import make_schema

        make_schema(dagster_environment(plan.settings)[DATABASE_VARIABLE])
