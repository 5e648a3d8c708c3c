"""Write the address of a listener for people and files."""

from __future__ import annotations


def write_address(host: str, port: int) -> str:
    """Write HOST:PORT; an IPv6 address stands in brackets, or its end could not be told from the port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
