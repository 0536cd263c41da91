"""What a port needs to speak TLS."""

from __future__ import annotations

import ssl
from pathlib import Path


def server_context(pem: Path) -> ssl.SSLContext:
    """Give the context of a server whose key and certificate stand in `pem`; load them into it again when they change.

    TLS 1.2 and newer, with the ciphers that Python chooses.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(pem)
    return context
