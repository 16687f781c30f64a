"""The server: the engine in its own loop, with a stream for terminals and HTTP for everybody else."""
