"""A world to try the engine in: a clock that is set, patrols that drive, calls that were made up. No sockets here."""
