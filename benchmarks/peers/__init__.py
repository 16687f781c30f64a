"""Other people's engines beside ours: the same streets, places and milliseconds, one file a peer.

A peer runs in a process of its own (`worker`), with this Python where it is installed here and else with that of an
environment which `environment` makes, and is asked over pipes (`remote`). Its clock runs around its own call and the
ranking of what it returned, so that pipes cost it nothing. What is known before the question, the streets, the
incidents' places and the units', is told to it beforehand and costs it nothing either.

Modules that a worker imports know numpy and the peer's package, nothing of ours.
"""
