"""Making certificates and reading them, on elliptic curves (P-256). Pure: no files, no clock."""

from __future__ import annotations

import ipaddress

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from autocore.tls.names import Names
from autocore.tls.validity import Span

Key = EllipticCurvePrivateKey
_MARK_CHARS = 6


def make_key() -> Key:
    """Give a new private key."""
    return generate_private_key(SECP256R1())


def key_pem(key: Key) -> bytes:
    """Give a private key as PEM, not encrypted: its file must be its owner's only."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Give a certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM)


def read_key(pem: bytes) -> Key:
    """Give the private key that stands in a PEM; raises ValueError when there is none of this kind."""
    try:
        key = load_pem_private_key(pem, None)
    except TypeError as error:  # it is encrypted: not one of ours
        raise ValueError(str(error)) from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("it is no key on an elliptic curve")  # noqa: TRY004  # the content is wrong, not a type of ours
    return key


def read_certificate(pem: bytes) -> x509.Certificate:
    """Give the first certificate that stands in a PEM; raises ValueError when there is none that can be read whole."""
    certificate = x509.load_pem_x509_certificate(pem)
    if certificate.signature_hash_algorithm is None or not list(certificate.extensions):
        raise ValueError("it lacks what a certificate of this gateway has")
    return certificate


def belong_together(key: Key, certificate: x509.Certificate) -> bool:
    """Say whether a certificate is one of this key."""
    return certificate.public_key() == key.public_key()


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Say whether an authority signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def make_authority(key: Key, span: Span) -> x509.Certificate:
    """Give the certificate of an authority, which signs itself; its name is that of its key, so that a new key has a new name."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = _named(f"AutoCore CA {identifier.digest.hex()[:_MARK_CHARS].upper()}")
    builder = _builder(name, name, key, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def issue_server(authority: x509.Certificate, signer: Key, key: Key, names: Names, span: Span) -> x509.Certificate:
    """Give a certificate for a server that is known under `names`."""
    title = next((one for one in names.hosts if one.endswith(".local")), names.hosts[0])
    others = [x509.DNSName(one) for one in names.hosts]
    others += [x509.IPAddress(ipaddress.ip_address(one)) for one in names.addresses]  # type: ignore[misc]  # both are general names
    builder = _leaf(authority, key, title, span, ExtendedKeyUsageOID.SERVER_AUTH)
    builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return builder.sign(signer, hashes.SHA256())


def issue_client(authority: x509.Certificate, signer: Key, key: Key, name: str, span: Span) -> x509.Certificate:
    """Give a certificate for a client that is called `name`."""
    builder = _leaf(authority, key, name, span, ExtendedKeyUsageOID.CLIENT_AUTH)
    return builder.sign(signer, hashes.SHA256())


def fingerprint(certificate: x509.Certificate) -> str:
    """Give the SHA-256 of a certificate as browsers show it: pairs of digits with `:` between."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def span_of(certificate: x509.Certificate) -> Span:
    """Give the time in which a certificate holds."""
    return Span(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def names_in(certificate: x509.Certificate) -> Names:
    """Give the names for which a certificate is good."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names((), ())
    addresses = [str(one) for one in found.get_values_for_type(x509.IPAddress)]
    return Names(tuple(found.get_values_for_type(x509.DNSName)), tuple(addresses))


def title_of(certificate: x509.Certificate) -> str:
    """Give what a certificate is called."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _leaf(
    authority: x509.Certificate, key: Key, name: str, span: Span, purpose: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    above = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = _builder(_named(name), authority.subject, key, span)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, span: Span) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(span.start).not_valid_after(span.end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])  # RFC 5280: 64 characters at most


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
