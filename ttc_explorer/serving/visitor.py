"""Who counts as one visitor when places are shared out."""

from __future__ import annotations

import ipaddress

NETWORK_BITS = {4: 32, 6: 64}
"""Bits of an internet address that belong to one visitor, by version: a household has a /64."""


def visitor_name(address: str | None, session: str | None) -> str | None:
    """The same for all tabs of a visitor: their internet address; where it says nothing, as behind
    a proxy or on this machine, the tab's session.

    Args:
        address: Of the client, as the server sees it.
        session: Of the tab.

    Returns:
        None where nothing is known.

    >>> visitor_name("8.8.8.8", "a"), visitor_name("2001:4860:4860::8888", "a")
    ('8.8.8.8/32', '2001:4860:4860::/64')
    >>> visitor_name("127.0.0.1", "a"), visitor_name("10.0.0.7", "b"), visitor_name(None, None)
    ('a', 'b', None)
    """
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return session
    if not known.is_global:
        return session
    network = ipaddress.ip_network((known, NETWORK_BITS[known.version]), strict=False)
    return str(network)
