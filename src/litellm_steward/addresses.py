"""Addresses a deployment sends its calls to: checked when given, bared of credentials when shown."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import cast
from urllib.parse import SplitResult, urlsplit

from litellm_steward.errors import InvalidArgument, Refused
from litellm_steward.text import clean, scrub

MAX_ADDRESS = 300
AZURE_HOSTS = (
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
    ".azure.us",
    ".azure.cn",
)
"""Microsoft's, whoever the account belongs to."""
_THIS_MACHINE = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
"""Names that systems give to loopback, besides those that end with .localhost (RFC 6761)."""
_METADATA = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
    }
)
_SPELT = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", re.IGNORECASE)
_WHOLE = re.compile(r"\s*https?://\S*\s*", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
"""Without ``%``: some HTTP clients decode it in a host's name, and some do not."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_address(value: str, name: str = "api_base") -> str:
    """An address that says where it leads: http or https, no user name, no cloud metadata service."""
    parts = _split(value)
    host = (parts.hostname if parts is not None else None) or ""
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not _HOST.fullmatch(host)
        or "\\" in value
        or len(value) > MAX_ADDRESS
    ):
        raise InvalidArgument(f"{name} must be an address such as https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise InvalidArgument(f"{name} must not contain a user name or password; give api_key or credential")
    if _is_metadata(host):
        raise Refused(f"{name} is the address of a machine's metadata service, which hands out credentials")
    return value


def is_address(text: str) -> bool:
    """Whether a text is an address and nothing else."""
    return _WHOLE.fullmatch(text) is not None


def addresses_in(value: object) -> tuple[str, ...]:
    """Every text that is an address, at any depth of a JSON value."""
    if isinstance(value, str):
        return (value,) if is_address(value) else ()
    if isinstance(value, Mapping):
        value = list(cast("Mapping[object, object]", value).values())
    found = [addresses_in(inner) for inner in cast("list[object]", value)] if isinstance(value, list | tuple) else []
    return tuple(dict.fromkeys(address for some in found for address in some))


def host_of(value: str) -> str:
    """The host, or the whole address if it has none."""
    parts = _split(value)
    return (parts.hostname if parts is not None else None) or value


def same_server(address: str, server: str) -> bool:
    """Whether an address leads to the port of ``server``, there or on the machine on which it is resolved.

    However the host is spelt; the ports of http and https count as one.
    """
    ours, theirs = _split(server), _split(address)
    if ours is None or theirs is None:
        return False
    ports = {_port(ours), _port(theirs)}
    if len(ports) > 1 and ports != set(_DEFAULT_PORTS.values()):
        return False
    host = _canonical(theirs.hostname or "")
    return host in {_canonical(ours.hostname or ""), _canonical("localhost")}


def _port(parts: SplitResult) -> int | None:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _canonical(host: str) -> str:
    """One spelling for each host; one for all that lead a machine to itself."""
    host = host.rstrip(".").lower()
    return "localhost" if is_this_machine(host) else str(_number(host) or host)


def is_this_machine(host: str) -> bool:
    """Whether a host's name or number, as in a URL, leads nowhere but to this machine: loopback, or "any address"."""
    name = host.strip("[]").rstrip(".").lower()
    number = _number(name)
    if number is not None:
        return number.is_loopback or number.is_unspecified
    return name in _THIS_MACHINE or name.endswith(".localhost")


def origin_of(value: str) -> str:
    """Scheme, host and port, which tell one server from another on the same machine."""
    parts = _split(value)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts is not None and parts.netloc else value


def one_spelling(url: str) -> str:
    """An address as every spelling of it is written: lower case, without a default port and a slash at the end."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def shown_address(value: str | None) -> str | None:
    """An address without credentials and without its query, where keys like to hide."""
    if not value:
        return None
    parts = _split(value)
    if parts is None or not parts.hostname:
        return clean(scrub(re.split(r"[?#]", value, maxsplit=1)[0].rpartition("@")[2])) or None
    place = parts.netloc.rpartition("@")[2]
    return clean(scrub(f"{parts.scheme}://{place}{parts.path}"), MAX_ADDRESS) or None


def told_address(value: str) -> str:
    """An address that was just given, for a sentence: whole, but for the values in its query."""
    place, question, query = value.partition("?")
    names = "&".join(f"{part.partition('=')[0][:40]}=…" for part in query.split("&")[:5])
    return f"{scrub(place)}{question}{names if query else ''}"


def _split(value: str) -> SplitResult | None:
    if not _PRINTABLE.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port  # a port that is none raises only when it is asked for
    except ValueError:
        return None
    return parts


def _is_metadata(host: str) -> bool:
    """Link-local addresses, by name or number; ``169.254.169.254`` answers on every large cloud."""
    if host.rstrip(".").lower() in _METADATA:
        return True
    address = _number(host.rstrip("."))
    return address is not None and (address.is_link_local or str(address) in _METADATA)


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host's name spells, in any of the ways that systems read: ``0xA9.254.0251.254``."""
    try:
        if _SPELT.fullmatch(host):
            return ipaddress.IPv4Address(socket.inet_aton(host))
        address = ipaddress.ip_address(host)
    except (ValueError, OSError):
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
