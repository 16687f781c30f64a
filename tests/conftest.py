"""What every test may ask for. Real data is found through ``ALLPOINTS_DATA`` and is never needed to pass."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts wall time: an example that waits for a busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real data, or skip with one clear line."""
    folder = os.environ.get("ALLPOINTS_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real data: ALLPOINTS_DATA names no folder")
    return Path(folder)
