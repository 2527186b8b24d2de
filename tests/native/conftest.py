"""What the tests of native code share."""

from __future__ import annotations

import pytest

from limelight.native.build import built


@pytest.fixture(scope="session")
def native() -> None:
    """Skips where this machine has no native code; sources that do not compile where they could are a failure."""
    found = built()
    if found.library is None:
        (pytest.fail if "compiler failed" in found.why else pytest.skip)(f"no native code here: {found.why}")
