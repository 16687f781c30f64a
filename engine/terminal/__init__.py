"""The patrol's client: orders in, answers out, over connections that come and go."""

from engine.terminal.client import Client, ClientEnded

__all__ = ["Client", "ClientEnded"]
