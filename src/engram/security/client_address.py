"""The address that a request counts for: the peer of the connection, unless the peer is a proxy of ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from engram.errors import UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# One customer usually holds a whole /64, so its addresses share a budget.
IPV6_PREFIX = 64


def parse_proxies(networks: Iterable[str]) -> tuple[Network, ...]:
    """Read the proxies that the settings name; an address is a network of one.

    Raises UsageError for what is no network, and for one that holds everybody.
    """
    found = []
    for said in networks:
        try:
            network = ipaddress.ip_network(said)
        except ValueError as error:
            raise UsageError(
                f"The proxy {said!r} is no network: {error}.", remedy="For example: 10.0.0.0/24"
            ) from error
        if network.prefixlen == 0:
            raise UsageError(f"The proxy {said!r} would be anybody.", remedy="Name the proxy's own address.")
        found.append(network)
    return tuple(found)


def client_address(peer: str, forwarded_for: Sequence[str], proxies: Sequence[Network]) -> str:
    """Return the client's address, in one spelling.

    peer: the other end of the connection.
    forwarded_for: the values of every X-Forwarded-For header, in their order; believed only as far as our own proxies
    wrote them: from the right, up to the first address that is no proxy of ours.

    >>> client_address("203.0.113.7", ["198.51.100.1"], ())
    '203.0.113.7'
    >>> client_address("10.0.0.2", ["6.6.6.6, 198.51.100.1"], parse_proxies(["10.0.0.2"]))
    '198.51.100.1'
    """
    found = _address(peer)
    if found is None:
        return "unknown"
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    while hops and any(found in network for network in proxies if network.version == found.version):
        said = _address(hops.pop())
        if said is None:  # a proxy that writes nonsense; the last address that we know is what counts
            break
        found = said
    return _spelt(found)


def _address(said: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(said.split("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _spelt(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
