"""An order as its recipient sees it, for tests that need one of any kind."""

from engine.model.lifecycle import OrderState
from engine.wire.server_messages import OrderView


def order_view(name, version=1, **more):
    """Return the view of an order that was sent; ``more`` says what matters to the test."""
    usual = {
        "incident": "i",
        "recipient": "car",
        "state": OrderState.SENT,
        "type": "fire",
        "level": 1,
        "lon": 1.0,
        "lat": 2.0,
        "capability": "engine",
    }
    return OrderView(id=name, version=version, **(usual | more))
