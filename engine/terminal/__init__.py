"""The patrol's client: orders in, answers out, over connections that come and go."""

from engine.terminal.client import Client, ClientEnded
from engine.terminal.exchange import Exchange, NotLetIn

__all__ = ["Client", "ClientEnded", "Exchange", "NotLetIn"]
