"""From a collection's ``kafka:`` section to what kafka-python's clients take, and their errors as ours.

Nothing is waited for longer than the time-outs below. Why a connection failed (credentials, certificate, protocol) is
said by kafka-python in its log alone: it is listened to, so that our error can say it. Each connection has a client id
of its own, after which kafka-python names the thread that talks: so nobody hears what another connection met.
"""

import logging
import os
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

from rag_core.errors import ConfigurationError, DependencyUnavailable
from rag_core.kafka import Kafka

BOOTSTRAP_S = 8.0
REQUEST_S = 20.0
_MAX_REASON = 300
_NUMBERS = count(1)
_MOST_HEARD = 50
_TELLING = re.compile("authent|ssl|certificate|tls", re.IGNORECASE)
"""Words of a reason that a person can do something about; a lost connection only follows from it."""


def servers_of(kafka: Kafka, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the bootstrap servers; raises ``ConfigurationError`` where the variable that names them is not set."""
    if kafka.bootstrap_servers:
        return list(kafka.bootstrap_servers)
    known = os.environ if environ is None else environ
    name = kafka.bootstrap_variable or ""
    servers = [each.strip() for each in known.get(name, "").split(",") if each.strip()]
    if not servers:
        raise ConfigurationError(
            f"The collection's kafka section takes its brokers from {name}, which is not set.",
            remedy=f"Set {name}=host:port,host:port, write kafka.bootstrap_servers, or start one: rag up --kafka.",
        )
    return servers


def connection(kafka: Kafka, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the keyword arguments that consumer, producer and admin client share; secrets come from variables."""
    known = os.environ if environ is None else environ
    settings: dict[str, Any] = {
        "bootstrap_servers": servers_of(kafka, known),
        "client_id": f"rag-assets-{next(_NUMBERS)}",
        "bootstrap_timeout_ms": int(BOOTSTRAP_S * 1000),
        "request_timeout_ms": int(REQUEST_S * 1000),
        "reconnect_backoff_max_ms": 1000,  # after a broker's restart, 30 s would be the default
    }
    security = kafka.security
    settings["security_protocol"] = security.protocol
    if security.mechanism is not None:
        settings["sasl_mechanism"] = security.mechanism
    names = {
        "sasl_plain_username": security.username_env,
        "sasl_plain_password": security.password_env,
        "ssl_password": security.key_password_env,
    }
    for setting, name in names.items():
        if name is None:
            continue
        if not known.get(name):
            raise ConfigurationError(
                f"Kafka's credentials come from {name}, which is not set.", remedy=f"Set {name}, or correct the file."
            )
        settings[setting] = known[name]
    files = {
        "ssl_cafile": security.ca_file,
        "ssl_certfile": security.certificate_file,
        "ssl_keyfile": security.key_file,
    }
    settings |= {setting: path for setting, path in files.items() if path is not None}
    if security.is_encrypted:
        settings["ssl_check_hostname"] = security.check_hostname
    return settings


def without_creating_topics(client: Any) -> Any:
    """Return a consumer, producer or admin client that never makes a broker create the topic that it asks for.

    kafka-python takes ``allow_auto_create_topics``, but its questions for metadata go by a setting of their own that is
    True: a topic that is deleted while somebody reads it would be back at once, empty and with one partition. A client
    that was just made has named no topic yet.
    """
    cluster = client._metadata if hasattr(client, "_metadata") else client._manager.cluster  # noqa: SLF001 - see above
    cluster.config["allow_auto_create_topics"] = False
    return client


def close_producer(producer: Any, *, timeout_s: float) -> None:
    """Close a producer for good; what is not acknowledged after ``timeout_s`` is given up, and nothing is said of it.

    kafka-python's own ``close`` raises then, leaves its thread running, and its finaliser prints the same error again.
    """
    from kafka.errors import KafkaError

    try:
        producer.close(timeout=timeout_s)
    except KafkaError:
        thread = producer._sender  # noqa: SLF001 - nothing public ends it once its flush has failed
        thread.force_close()
        thread.join(timeout_s)
        with suppress(KafkaError):
            producer.close(timeout=0)
        producer._closed = True  # noqa: SLF001 - all that its finaliser looks at


@contextmanager
def translating(doing: str, settings: Mapping[str, Any]) -> Generator[None]:
    """Turn kafka-python's errors into ``DependencyUnavailable`` that names the brokers and why they did not answer.

    ``settings`` are those that ``connection`` made.
    """
    from kafka.errors import KafkaError

    with _heard(settings["client_id"]) as said:
        try:
            yield
        except (KafkaError, OSError) as error:
            telling = [each for each in said if _TELLING.search(each)]
            reasons = dict.fromkeys([*telling[:1], *said[:1], str(error)])
            servers = ", ".join(settings["bootstrap_servers"])
            raise DependencyUnavailable(
                f"Kafka at {servers} is away: could not {doing}: {'; '.join(reasons)[:_MAX_REASON]}.",
                dependency="kafka",
                remedy="Nothing is lost: reading goes on at the catalog's position when it answers. If it never does, "
                "compare bootstrap servers, security protocol and credentials with the broker's.",
            ) from error


class _Ears(logging.Handler):
    """Keeps what kafka-python says of one client's connections that failed: not much, each thing once."""

    def __init__(self, client_id: str) -> None:
        super().__init__(level=logging.WARNING)
        self.said: list[str] = []
        self._talker = f"kafka-io-{client_id}"
        self._caller = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a sentence of our own client."""
        if record.threadName != self._talker and record.thread != self._caller:
            return
        sentence = next(iter(record.getMessage().splitlines()), "")[:_MAX_REASON]
        if sentence and len(self.said) < _MOST_HEARD and sentence not in self.said:
            self.said.append(sentence)


@contextmanager
def _heard(client_id: str) -> Generator[list[str]]:
    ears = _Ears(client_id)
    logger = logging.getLogger("kafka.net")
    logger.addHandler(ears)
    try:
        yield ears.said
    finally:
        logger.removeHandler(ears)
