"""Which addresses the platform may connect to on somebody's behalf: public ones, and loopback where it is allowed."""

from __future__ import annotations

import ipaddress

from engram.errors import UnsafeAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# What the standard library of some supported versions takes for global: IETF protocols, 6to4 relays, documentation.
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))
_UNICAST6 = ipaddress.IPv6Network("2000::/3")


def check_public(said: str, *, allow_loopback: bool) -> Address:
    """Return an address when it is public.

    Raises UnsafeAddress for private, loopback (unless allowed), link-local and metadata, carrier, reserved, multicast
    and unspecified addresses, also inside IPv6 (mapped, compatible, 6to4, Teredo, NAT64), and for what is no address.

    >>> str(check_public("93.184.216.34", allow_loopback=False))
    '93.184.216.34'
    >>> check_public("::ffff:169.254.169.254", allow_loopback=True)
    Traceback (most recent call last):
    engram.errors.UnsafeAddress: The address '::ffff:169.254.169.254' is not public, so it is not asked.
    """
    try:
        found = ipaddress.ip_address(said)
    except ValueError as error:
        raise UnsafeAddress(f"{said[:80]!r} is no IP address.") from error
    inner = _inner(found)
    if allow_loopback and inner.is_loopback:
        return found
    if not _is_global(inner) or not _is_plain(found, inner):
        raise UnsafeAddress(f"The address {said!r} is not public, so it is not asked.")
    return found


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine talking to itself; a name other than localhost never counts as that.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("engram.example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_global(found: Address) -> bool:
    if not found.is_global or found.is_multicast or found.is_reserved or found.is_unspecified:
        return False
    if found.version == 6 and found not in _UNICAST6:
        return False
    return not any(found in network for network in _SPECIAL if network.version == found.version)


def _inner(found: Address) -> Address:
    """Return the IPv4 address that an IPv6 address carries in one of the known ways, else the address itself."""
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.sixtofour is not None:
        return found.sixtofour
    if found.teredo is not None:
        return found.teredo[1]
    if any(found in network for network in _NAT64) or (found in _COMPATIBLE and int(found) > 1):
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def _is_plain(found: Address, inner: Address) -> bool:
    """Tell whether an address is what it seems; a public one inside a tunnel's is not worth the risk, but a mapped one
    is only another spelling."""
    return inner is found or (isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None)
