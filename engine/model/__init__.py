"""What dispatch talks about: frozen data, commands, events and the lifecycle tables.

This room imports nothing of ours, so that everything else may import it. Instants are ``*_at`` or ``at``:
integer milliseconds since the epoch, UTC. Coordinates are WGS-84 longitude and latitude in degrees.
"""
