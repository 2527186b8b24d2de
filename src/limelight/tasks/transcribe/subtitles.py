"""Subtitles as files hold them: SubRip (.srt) and WebVTT (.vtt, W3C 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LEAST = 0.001                            # players drop what lasts no time


def srt(parts: Iterable[tuple[str, float, float]]) -> str:
    """(text, start, end) each -> a file."""
    return "".join(
        f"{number}\n{clock(a, ',')} --> {clock(max(b, a + LEAST), ',')}\n{_flat(text)}\n\n" for number, (text, a, b) in enumerate(parts, 1)
    )


def vtt(parts: Iterable[tuple[str, float, float, Sequence[tuple[str, float]]]]) -> str:
    """(text, start, end, words with their starts) each -> a file; words get their own times (section 4.2.2, timestamp objects)."""
    out = ["WEBVTT\n\n"]
    for text, a, b, words in parts:
        out.append(f"{clock(a)} --> {clock(max(b, a + LEAST))}\n{_timed(_flat(text), a, b, words)}\n\n")
    return "".join(out)


def clock(seconds: float, point: str = ".") -> str:
    """Hours, minutes, seconds and thousandths: 01:02:03.450."""
    thousandths = max(0, round(seconds * 1000))
    whole, thousandths = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{thousandths:03d}"


def _timed(text: str, start: float, end: float, words: Sequence[tuple[str, float]]) -> str:
    """Each word where it stands in the text, with its time before it; times must rise, and lie within the cue."""
    out, at, last = "", 0, start
    for word, began in words:
        found = text.find(word, at)
        if found < 0:
            continue
        out += _safe(text[at:found])
        if last + LEAST <= began < end:
            out, last = f"{out}<{clock(began)}>", began
        out, at = out + _safe(word), found + len(word)
    return out + _safe(text[at:])


def _safe(text: str) -> str:
    """As text of a cue: nothing in it is taken for a tag, nor for a line of times."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _flat(text: str) -> str:
    """An empty line would end the cue."""
    return " ".join(text.split())
