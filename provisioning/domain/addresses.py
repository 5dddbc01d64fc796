"""Addresses in one line, as people write them."""

from __future__ import annotations

from collections.abc import Mapping


def address_line(address: Mapping[str, str | None]) -> str:
    """ul. Źródlana 7/3, 43-300 Bielsko-Biała."""
    house = f"{address['house']}/{address['flat']}" if address.get("flat") else f"{address['house']}"
    street = f"{address['street']} {house}" if address.get("street") else house
    return f"{street}, {address['postal_code']} {address['city']}"
