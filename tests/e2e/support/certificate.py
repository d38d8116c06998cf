"""A certificate authority and a certificate for localhost and further addresses, made for one test run."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make(subject, issuer_key, issuer_name, public_key, authority, addresses=(), name="localhost", days=2):
    now = datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=3))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = [x509.DNSName(name)]
        names += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


class Certificate:
    """Files of an authority and a certificate of it; `key` decides of which kind the certificate is. Good for `days` from now."""

    def __init__(self, folder, addresses=(), key=None, name="localhost", days=2):
        self.authority = folder / "ca.pem"
        self.certificate = folder / "relay.pem"
        self.key = folder / "relay.key"
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        authority = make(authority_name, authority_key, authority_name, authority_key.public_key(), True)
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        leaf = make(subject, authority_key, authority_name, key.public_key(), False, addresses if name != "localhost" else ("127.0.0.1", *addresses),
                    name, days)
        pem = serialization.Encoding.PEM
        self.authority.write_bytes(authority.public_bytes(pem))
        self.certificate.write_bytes(leaf.public_bytes(pem))
        self.key.touch(mode=0o600)
        self.key.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.authority))
