"""Tiny models that read pictures or sounds, or draw, and files for them."""

from __future__ import annotations

from pathlib import Path

TEXT = "A red cat."


def made(name: str, folder: Path) -> Path:
    """The folder of one: captioner, detr, whisper, or one that draws."""
    import drawers
    import hearing
    import shown
    from published import ALL, hf

    at = folder / name
    at.mkdir(exist_ok=True)
    match name:
        case "captioner":
            shown.captioner(at)
        case "detr":
            ALL["detr-ForObjectDetection"].build().save_pretrained(at)
            hf.DetrImageProcessorPil(size={"shortest_edge": 40, "longest_edge": 70}, do_pad=False).save_pretrained(at)
        case "whisper":
            hearing.folder(at)
        case _:
            drawers.of_kind(name, at)
    return at


def picture_file(folder: Path) -> Path:
    """A picture of 60 x 40 pixels."""
    import shown

    shown.picture(1, 40, 60).save(folder / "noise.png")
    return folder / "noise.png"


def sound_file(folder: Path, seconds: float = 3.4) -> Path:
    """A recording, of more than one stretch."""
    import soundfile

    import hearing

    soundfile.write(folder / "notes.wav", hearing.sound(seconds), hearing.RATE)
    return folder / "notes.wav"
