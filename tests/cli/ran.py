"""What a command left behind, and what an error that a user can put right looks like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()


def one_line(ran: Ran, *parts: str) -> str:
    """The error that a user can put right: exit code 2, nothing on standard output, one line with all these parts."""
    assert ran.code == 2
    assert ran.out == ""
    (line,) = [each for each in ran.err.splitlines() if "error:" in each]
    assert line.startswith("limelight: error: ")
    assert "Traceback" not in ran.err
    for part in parts:
        assert part in line
    return line
