"""PayPal's webhook signatures: RSA-SHA256 over transmission id, time, webhook id and the CRC-32 of
the raw body, with a certificate of our own making; and the forgeries that must be refused."""

import base64
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from .clock import text_of

FORGERIES = {
    "signature": "signed with another key, under the right certificate's address",
    "cert": "signed with another key, under that key's certificate at a foreign host",
    "webhook": "signed for another webhook",
    "body": "changed after it was signed",
    "algorithm": "names an algorithm that is none",
    "stale": "signed a week ago",
    "unsigned": "without the headers",
}


@dataclass
class Signer:
    """Two keys with certificates, made on first use: PayPal's and a stranger's."""

    port: int
    _pems: dict[str, bytes] = field(default_factory=dict)
    _keys: dict[str, object] = field(default_factory=dict)

    def certificate(self, whose: str) -> bytes:
        """PEM of `paypal`'s or of the `stranger`'s certificate."""
        if whose not in self._pems:
            self._make(whose)
        return self._pems[whose]

    def url(self, whose: str) -> str:
        """Where a certificate lies: the stranger's at another name of this host."""
        host = "127.0.0.1" if whose == "paypal" else "localhost"
        return f"http://{host}:{self.port}/v1/notifications/certs/CERT-{whose}"

    def sign(
        self, body: bytes, webhook_id: str, now: float, forgery: str | None = None
    ) -> dict[str, str]:
        """The five headers, or what a forger sends instead."""
        if forgery == "unsigned":
            return {}
        if forgery is not None and forgery not in FORGERIES:
            raise ValueError(f"no such forgery: {forgery}")
        key = "stranger" if forgery in ("signature", "cert") else "paypal"
        transmission = str(uuid4())
        at = text_of(now - 7 * 86_400 if forgery == "stale" else now)
        signed_for = "ANOTHERWEBHOOK001" if forgery == "webhook" else webhook_id
        message = f"{transmission}|{at}|{signed_for}|{zlib.crc32(body)}"
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-TRANSMISSION-SIG": self._signature(key, message.encode()),
            "PAYPAL-CERT-URL": self.url("stranger" if forgery == "cert" else "paypal"),
            "PAYPAL-AUTH-ALGO": "none" if forgery == "algorithm" else "SHA256withRSA",
        }

    def genuine(self, signature: str, message: bytes) -> bool:
        """Whether PayPal's key made the signature."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # costs 0.1 s
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  # as above
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415  # as above

        self.certificate("paypal")
        public = self._keys["paypal"].public_key()  # type: ignore[attr-defined]  # lazily imported
        try:
            given = base64.b64decode(signature, validate=True)
            public.verify(given, message, padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            return False
        return True

    def _signature(self, whose: str, message: bytes) -> str:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  # costs 0.1 s
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415  # as above

        self.certificate(whose)
        key = self._keys[whose]
        signed = key.sign(message, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[attr-defined]  # lazily imported
        return base64.b64encode(signed).decode()

    def _make(self, whose: str) -> None:
        from cryptography import x509  # noqa: PLC0415  # costs 0.1 s
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  # as above
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # as above

        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        host = "messageverificationcerts.paypal.com"
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._keys[whose] = key
        self._pems[whose] = made.public_bytes(serialization.Encoding.PEM)
