"""A small certificate authority for the bus: one root, leaf certificates for the server and each user (P-256)."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker.crypto.storage import make_private_folder
from broker.durable import write_whole

_CA_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=397)
_SLACK = timedelta(minutes=5)
"""Certificates begin a little in the past: clocks of members differ."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a certificate, its private key and the authority's certificate lie."""

    certificate: Path
    key: Path
    authority: Path


def make_authority(folder: Path, name: str, now: datetime) -> None:
    """Write ``ca.pem`` and ``ca.key`` into ``folder``, unless they are there."""
    make_private_folder(folder)
    if (folder / "ca.pem").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key.public_key(), now, _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_whole(folder / "ca.key", _private_pem(key))
    write_whole(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))


def issue(
    authority: Path, folder: Path, name: str, now: datetime, *, server: bool = False
) -> CertificateFiles:
    """Issue a leaf certificate for ``name`` into ``folder``; replaces one that is there.

    A server's certificate is for ``localhost`` and the loopback addresses as well as for ``name``.
    """
    make_private_folder(folder)
    ca_key = serialization.load_pem_private_key((authority / "ca.key").read_bytes(), None)
    ca = x509.load_pem_x509_certificate((authority / "ca.pem").read_bytes())
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not on P-256")
    key = ec.generate_private_key(ec.SECP256R1())
    kind = "server" if server else "client"
    certificate = (
        _builder(_name(name), ca.subject, key.public_key(), now, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(_alternative_names(name, server=server), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    files = CertificateFiles(folder / f"{kind}.pem", folder / f"{kind}.key", folder / "ca.pem")
    write_whole(files.key, _private_pem(key))
    write_whole(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    if not files.authority.exists():
        write_whole(files.authority, (authority / "ca.pem").read_bytes())
    return files


def certificate_ends(path: Path) -> datetime | None:
    """Until when a certificate is good; None where there is none."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (FileNotFoundError, ValueError):
        return None


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + life)
    )


def _alternative_names(name: str, *, server: bool) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if server:
        names += [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("::1")),
        ]
    return x509.SubjectAlternativeName(names)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
