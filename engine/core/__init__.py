"""The core: `Engine` decides, `apply` changes state, the ports are what it asks of the world around it."""
