from __future__ import annotations

import subprocess
import sys

import pytest

import limelight.data


def test_tables_are_quick_to_import() -> None:
    code = "import sys, limelight.data; print(*({'torch', 'pyarrow', 'tokenizers', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_every_public_name_is_there() -> None:
    assert len(set(limelight.data.__all__)) == len(limelight.data.__all__)
    for name in limelight.data.__all__:
        assert getattr(limelight.data, name) is not None
    with pytest.raises(AttributeError, match="Nothing"):
        _ = limelight.data.Nothing  # type: ignore[attr-defined]
