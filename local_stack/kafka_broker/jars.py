"""The jars of one Kafka release, kept for every stack of this account: the folder is complete or it is not there."""

import fcntl
import os
import shutil
from pathlib import Path

from local_stack.kafka_broker.java import Java
from local_stack.kafka_broker.maven import Watch, copy_dependencies
from rag_core.errors import ConfigurationError

KAFKA_VERSION = "4.4.0"
SCALA_VERSION = "2.13"
LOG4J_VERSION = "2.25.5"
"""That of the release itself; the binding, without which a broker logs nothing, is not among its dependencies."""

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rag-assets</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>{KAFKA_VERSION}</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{SCALA_VERSION}</artifactId>
      <version>{KAFKA_VERSION}</version>
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def jars_folder() -> Path:
    """Return the folder of the jars, whether they are there or not: one for each account and release."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(cache).expanduser().absolute() / "rag-assets" / f"kafka-{KAFKA_VERSION}"
    if ":" in str(folder):
        raise ConfigurationError(
            f"Java cannot load from {folder}: a colon separates folders there.", remedy="Set XDG_CACHE_HOME."
        )
    return folder


def fetch_jars(*, java: Java, watch: Watch | None = None) -> Path:
    """Return the folder with every jar; fetch them if it is not there.

    1. One at a time: whoever comes second waits and then finds them.
    2. Beside the final place, so that a fetch that was cut off leaves nothing that looks finished.
    3. The rename comes last: from then on they are there.
    """
    folder = jars_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        building = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o700)
        try:
            pom = building / "pom.xml"
            pom.write_text(POM, encoding="utf-8")
            copy_dependencies(pom, building / "jars", java=java, watch=watch)
            (building / "jars").rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return folder
