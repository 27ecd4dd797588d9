"""Why a connection failed, in words of ours."""

from __future__ import annotations


def reason(error: Exception) -> str:
    """Why a connection failed, without anything that could quote a header."""
    words = str(error).lower()
    for sign, told in _REASONS.items():
        if sign in words:
            return told
    return {"ReadError": "connection reset", "RemoteProtocolError": "connection closed"}.get(
        type(error).__name__, type(error).__name__
    )


_REASONS = {
    "refused": "connection refused",
    "all connection attempts failed": "connection refused",
    "name or service not known": "unknown host name",
    "nodename nor servname": "unknown host name",
    "temporary failure in name resolution": "unknown host name",
    "certificate": "TLS certificate not trusted",
    "ssl": "TLS failed; http and https confused?",
    "timed out": "timed out",
}
