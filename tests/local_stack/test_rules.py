"""The stack's rules that need no process: delays, socket paths, settings, logs, plans."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from local_stack.dagster_home import DATABASE_VARIABLE, dagster_environment, dagster_home, write_dagster_home
from local_stack.log_reading import follow_log, last_lines
from local_stack.parts import Part
from local_stack.plan import plan_stack
from local_stack.postgres import clear_stale_lock
from local_stack.private_files import generated_secret, write_private
from local_stack.run_state import MAX_DELAY_S, RunState, read_state, write_state
from local_stack.supervisor_socket import prepare_socket_folder, socket_path
from rag_core.errors import ConfigurationError, RagError
from resources.clients.home import stack_file
from resources.clients.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))


def died(state: RunState, *, after_s: float) -> RunState:
    return replace(state, phase="started", since=1000.0).after_death(now=1000.0 + after_s)


def test_delay_grows_with_deaths_in_a_row_up_to_a_minute_and_never_ends() -> None:
    state, delays = RunState(), []
    for _ in range(10):
        state = died(state, after_s=5)
        delays.append(state.delay_s)
    assert delays[:6] == [1, 2, 4, 8, 16, 32]
    assert set(delays[6:]) == {MAX_DELAY_S}
    assert state.restarts == 10


def test_a_part_that_ran_long_is_started_again_at_once() -> None:
    state = died(died(RunState(), after_s=1), after_s=1)
    assert died(state, after_s=3600).delay_s == 0


def test_a_wrapper_that_dies_while_it_waits_is_no_death_of_the_part() -> None:
    state = replace(died(RunState(), after_s=1), phase="waiting")
    assert state.after_death(now=5000.0) == state


def test_run_state_survives_its_file(tmp_path: Path) -> None:
    state = RunState(phase="waiting", since=1.5, pid=3, waits_for=("postgres", "s3"), restarts=2)
    write_state(tmp_path, "api", state)
    assert read_state(tmp_path, "api") == state
    assert read_state(tmp_path, "other") == RunState()


def test_a_socket_path_is_never_too_long_and_differs_by_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    long = Path("/" + "y" * 200)
    assert len(str(socket_path(long))) < 90
    assert socket_path(long) != socket_path(long / "other")
    assert socket_path(Path("/home/me/.rag")).is_relative_to("/home/me/.rag")


def test_a_socket_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(RagError, match="not a private folder"):
        prepare_socket_folder(tmp_path / "supervisor.sock")


def test_the_environment_wins_over_the_stack_and_the_stack_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    write_private(stack_file(home), '{"settings": {"qdrant_url": "http://s:1", "api_url": "http://s:2", "new": 1}}')
    monkeypatch.setenv("RAG_API_URL", "http://env:3/")
    settings = load_settings()
    assert (settings.qdrant_url, settings.api_url) == ("http://s:1", "http://env:3")
    assert load_settings(with_stack=False).qdrant_url is None
    assert settings.parquet == str(home / "parquet")


def test_a_missing_setting_fails_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"RAG_QDRANT_URL is not set.*rag up"):
        load_settings().require("qdrant_url")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAG_API_PORT", "many"),
        ("RAG_API_PORT", "70000"),
        ("RAG_DATABASE_URL", "mysql://u:hidden@h/d"),
        ("RAG_QDRANT_URL", "file:///etc/passwd"),
        ("RAG_KAFKA", "kafka://somewhere"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings()
    assert value not in str(caught.value)


def test_settings_do_not_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_DATABASE_URL", "postgresql://u:hidden@h/d")
    monkeypatch.setenv("RAG_QDRANT_API_KEY", "hidden")
    assert "hidden" not in repr(load_settings())


def test_every_url_setting_replaces_its_parts(tmp_path: Path) -> None:
    everything = Settings(
        home=tmp_path,
        database_url="postgresql://h/d",
        qdrant_url="http://h:1",
        dagster_url="http://h:2",
        api_url="http://h:3",
        s3_endpoint="http://h:4",
        kafka="h:5",
    )
    plan = plan_stack(everything, with_s3=True, with_kafka=True)
    assert [part.name for part in plan.parts] == ["watcher", "listener"]
    assert plan.replaced["dagster-daemon"] == "RAG_DAGSTER_URL"
    assert plan.replaced["kafka"] == "RAG_KAFKA"


def test_s3_is_started_only_when_asked_for_and_its_keys_reach_the_parts(tmp_path: Path) -> None:
    assert "s3" not in {part.name for part in plan_stack(Settings(home=tmp_path), with_s3=False).parts}
    parts = {part.name: part for part in plan_stack(Settings(home=tmp_path), with_s3=True).parts}
    secret = (tmp_path / "secrets" / "s3-secret-access-key").read_text()
    assert parts["dagster-daemon"].environment["AWS_SECRET_ACCESS_KEY"] == secret
    assert parts["dagster-daemon"].needs == ("postgres", "s3")
    assert not any(secret in word for part in parts.values() for word in part.command)


def test_kafka_is_started_only_when_asked_for_and_its_address_reaches_the_parts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, kafka_port=20000)
    assert "kafka" not in {part.name for part in plan_stack(settings, with_s3=False).parts}
    parts = {part.name: part for part in plan_stack(settings, with_s3=False, with_kafka=True).parts}
    assert (parts["kafka"].port, parts["kafka"].more_ports) == (20000, (20001,))
    assert "kafka" in parts["dagster-daemon"].needs
    ours = [part for part in parts.values() if part.inherits_environment]
    assert {part.environment["RAG_KAFKA"] for part in ours} == {"127.0.0.1:20000"}
    assert not any(name.startswith("RAG_") for name in parts["kafka"].environment)


@pytest.mark.parametrize("named", [{"parts": ("kafka",)}, {"parts": ("postgres",)}])
def test_parts_by_name_and_the_option_both_start_kafka(tmp_path: Path, named: dict[str, tuple[str, ...]]) -> None:
    plan = plan_stack(Settings(home=tmp_path, **named), with_s3=False, with_kafka=named["parts"] == ("postgres",))
    assert "kafka" in {part.name for part in plan.parts}


def test_addresses_of_kafka_are_a_list_with_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_KAFKA", " one:9092, [::1]:9093 ,")
    assert load_settings().kafka == "one:9092,[::1]:9093"


def test_runs_go_to_waiting_workers_unless_the_default_launcher_is_asked_for(tmp_path: Path) -> None:
    names = {part.name for part in plan_stack(Settings(home=tmp_path), with_s3=False).parts}
    assert "run-workers" in names
    default = plan_stack(Settings(home=tmp_path, run_launcher="default"), with_s3=False)
    assert {part.name for part in default.parts} == names - {"run-workers"}
    written: dict[bool, dict[str, object]] = {}
    for has_workers in (True, False):
        write_dagster_home(default.settings, has_run_workers=has_workers)
        written[has_workers] = json.loads((dagster_home(default.settings) / "dagster.yaml").read_text())
    assert "run_launcher" in written[True]
    assert "run_launcher" not in written[False]


def test_only_dagsters_own_database_commits_without_waiting(tmp_path: Path) -> None:
    plan = plan_stack(Settings(home=tmp_path), with_s3=False)
    assert "synchronous_commit%3Doff" in dagster_environment(plan.settings)[DATABASE_VARIABLE]
    assert "synchronous_commit" not in plan.settings.require("database_url")
    theirs = Settings(home=tmp_path, dagster_database_url="postgresql://h/d?options=-cwork_mem%3D8MB")
    assert "synchronous_commit" not in dagster_environment(theirs)[DATABASE_VARIABLE]


def test_a_stack_on_loopback_asks_for_no_keys_unless_told_otherwise(tmp_path: Path) -> None:
    def api(**given: str) -> Part:
        plan = plan_stack(Settings(home=tmp_path, **given), with_s3=False)  # pyright: ignore[reportArgumentType] - as the environment says them
        return next(part for part in plan.parts if part.name == "api")

    assert api().environment["RAG_AUTH"] == "off"
    assert api(auth="required").environment["RAG_AUTH"] == "required"
    everywhere = api(api_host="0.0.0.0", api_hosts="rag.example,other.example")  # noqa: S104 - only planned
    assert everywhere.environment["RAG_AUTH"] == "required"
    assert everywhere.environment["RAG_API_HOSTS"] == "rag.example,other.example"
    assert (everywhere.host, everywhere.url) == ("127.0.0.1", "http://127.0.0.1:8000")
    assert (api(api_host="::1").host, api(api_host="::1").environment["RAG_AUTH"]) == ("[::1]", "off")
    with pytest.raises(ConfigurationError, match="RAG_AUTH=off"):
        api(api_host="192.0.2.1", auth="off")


def test_the_key_of_a_shell_is_handed_to_no_part(tmp_path: Path) -> None:
    plan = plan_stack(Settings(home=tmp_path, api_key="rag_secret"), with_s3=False)
    assert "rag_secret" not in str(plan.to_json())


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="redis"):
        plan_stack(Settings(home=tmp_path, parts=("redis",)), with_s3=False)


def test_a_part_survives_its_json(tmp_path: Path) -> None:
    for part in plan_stack(Settings(home=tmp_path), with_s3=True, with_kafka=True).parts:
        assert Part.from_json(part.to_json()) == part


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = generated_secret(tmp_path, "key")
    assert generated_secret(tmp_path, "key") == first
    assert len(first) == 48
    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600


def test_a_lock_of_a_process_that_is_no_server_here_is_removed(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{tmp_path}\n")
    clear_stale_lock(tmp_path)
    assert not lock.exists()


def test_last_lines_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(50_000)))
    text, end = last_lines(log, 2)
    assert text == "line 49998\nline 49999\n"
    assert end == log.stat().st_size
    assert last_lines(log, 0)[0] == ""


def test_following_a_log_goes_on_after_its_rotation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    following = follow_log(log, after=4)
    with log.open("a") as file:
        file.write("added\n")
    assert next(following) == "added\n"
    log.rename(tmp_path / "log.1")
    log.write_text("new\n")
    assert next(following) == "new\n"
    following.close()


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-stack.md").read_text()
    assert [name for name in Settings.model_fields if f"`RAG_{name.upper()}`" not in page] == []


def test_default_ports_lie_below_those_that_linux_lends_to_outgoing_connections() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items() if name.endswith("_port")}
    assert len(defaults) == 6
    assert all(1024 <= port < 32768 - 10 for port in defaults.values()), defaults
