"""A real Kafka broker that lets nobody in unasked: SASL (PLAIN, SCRAM), TLS with client certificates, SASL over TLS."""

import datetime
import ipaddress
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from tests.services.kafka import KafkaBroker

_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


class SecuredKafka(KafkaBroker):
    """A broker with the listeners ``SASL``, ``TLS`` (asks for a client's certificate) and ``SASLTLS``.

    ``bootstrap_of(listener)`` is where each of them is; ``bootstrap`` itself stays open, for the test's own topics.
    """

    username = "reader"
    password = "only-for-tests"

    def __init__(self) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="rag-kafka-tls-")
        folder = Path(self._files.name)
        authority = _Authority(folder)
        self.ca_file = authority.certificate_file
        self.certificate_file, self.key_file = authority.issue("client")
        certificate, key = authority.issue("broker")
        key_store = folder / "broker-both.pem"
        key_store.write_text(key.read_text() + certificate.read_text())
        stores = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(key_store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
        }
        logins: dict[str, str] = {}
        for listener in ("sasl", "sasltls"):
            plain = f'{_PLAIN} user_{self.username}="{self.password}";'
            logins[f"listener.name.{listener}.plain.sasl.jaas.config"] = plain
            logins[f"listener.name.{listener}.scram-sha-512.sasl.jaas.config"] = _SCRAM
        super().__init__(
            listeners={"SASL": "SASL_PLAINTEXT", "TLS": "SSL", "SASLTLS": "SASL_SSL"},
            properties={
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "listener.name.tls.ssl.client.auth": "required",
                **stores,
                **logins,
            },
        )

    def __enter__(self) -> Self:
        super().__enter__()
        user = UserScramCredentialUpsertion(self.username, ScramMechanism.SCRAM_SHA_512, self.password)
        with self.admin() as admin:
            admin.alter_user_scram_credentials([user])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._files.cleanup()


class _Authority:
    """A certificate authority that lives as long as its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("ca")
        certificate = _builder(self._name, self._name, self._key.public_key(), is_authority=True)
        self.certificate_file = folder / "ca.pem"
        self.certificate_file.write_bytes(certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return the files of a new certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = _builder(_name(name), self._name, key.public_key(), is_authority=False)
        certificate = builder.add_extension(address, critical=False).sign(self._key, hashes.SHA256())
        certificate_file, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
