"""One question a file: ``python -m benchmarks.NAME``; ``python -m benchmarks`` asks them all."""
