"""Certificates of the bus: mutual TLS between a server and members of one authority, and of no other."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from broker.crypto.certificates import CertificateFiles, issue, make_authority
from broker.errors import ConfigurationError

NOW = datetime.now(UTC)
"""OpenSSL compares with the machine's clock, so these certificates are made for today."""


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    make_authority(tmp_path / "ca", "Handrail test", NOW)
    return tmp_path / "ca"


def context(files: CertificateFiles, *, server: bool = False) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(files.certificate, files.key)
    made.load_verify_locations(files.authority)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def shake_hands(client: CertificateFiles, server: CertificateFiles, name: str = "localhost") -> str:
    """A whole TLS handshake in memory; gives what the server knows of the client."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = context(client).wrap_bio(to_client, to_server, server_hostname=name)
    answerer = context(server, server=True).wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (caller, answerer):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    subject = (answerer.getpeercert() or {})["subject"]
    return str(dict(pair for names in subject for pair in names)["commonName"])  # type: ignore[misc]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "bus.example"])
def test_server_and_member_of_one_authority_know_each_other(authority: Path, name: str) -> None:
    server = issue(authority, authority.parent / "server", "bus.example", NOW, server=True)
    member = issue(authority, authority.parent / "member", "m-aaaaaaaaaa", NOW)

    assert "m-aaaaaaaaaa" == shake_hands(member, server, name)


def test_a_certificate_of_another_authority_is_refused(authority: Path) -> None:
    """A made-up authority of the same name, and the true authority's file beside its certificate."""
    make_authority(authority.parent / "fake", "Handrail test", NOW)
    server = issue(authority, authority.parent / "server", "bus.example", NOW, server=True)
    stranger = issue(authority.parent / "fake", authority.parent / "stranger", "m-aaaaaaaaaa", NOW)
    stranger.authority.write_bytes(server.authority.read_bytes())

    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(stranger, server)


def test_a_member_cannot_play_the_server_nor_the_server_a_member(authority: Path) -> None:
    server = issue(authority, authority.parent / "server", "bus.example", NOW, server=True)
    member = issue(authority, authority.parent / "member", "localhost", NOW)

    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        shake_hands(member, member)
    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        shake_hands(server, server)


def test_an_expired_certificate_and_another_name_are_refused(authority: Path) -> None:
    server = issue(authority, authority.parent / "server", "bus.example", NOW, server=True)
    old = issue(authority, authority.parent / "old", "m-aaaaaaaaaa", NOW - timedelta(days=400))
    member = issue(authority, authority.parent / "member", "m-aaaaaaaaaa", NOW)

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(old, server)
    with pytest.raises(ssl.SSLCertVerificationError, match="ostname"):
        shake_hands(member, server, "elsewhere.example")


def test_a_member_cannot_issue_certificates(authority: Path) -> None:
    files = issue(authority, authority.parent / "member", "m-aaaaaaaaaa", NOW)
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    ca = x509.load_pem_x509_certificate((authority / "ca.pem").read_bytes())

    leaf.verify_directly_issued_by(ca)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert 0 == ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    assert [ExtendedKeyUsageOID.CLIENT_AUTH] == list(
        leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    )
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert "secp256r1" == key.curve.name


def test_an_authority_is_made_once_and_its_files_are_private(authority: Path) -> None:
    before = (authority / "ca.key").read_bytes()

    make_authority(authority, "Handrail test", NOW)
    files = issue(authority, authority.parent / "member", "m-aaaaaaaaaa", NOW)

    assert before == (authority / "ca.key").read_bytes()
    for path in (authority / "ca.key", files.key, files.certificate):
        assert 0o600 == path.stat().st_mode & 0o777
    authority.chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod 0700"):
        make_authority(authority, "Handrail test", NOW)


def test_issuing_again_replaces_the_certificate(authority: Path) -> None:
    folder = authority.parent / "member"
    first = issue(authority, folder, "m-aaaaaaaaaa", NOW).certificate.read_bytes()

    second = issue(authority, folder, "m-aaaaaaaaaa", NOW).certificate.read_bytes()

    assert first != second
    assert ["ca.pem", "client.key", "client.pem"] == sorted(path.name for path in folder.iterdir())
