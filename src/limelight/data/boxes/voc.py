"""Marks as Pascal VOC keeps them: an XML file for each picture (Everingham et al. 2010; VOC2012's development kit, section 5.1)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

from ...errors import InputError
from .marks import Corners, Mark, Marked
from .reading import number, read_bytes, within

MOST = 16 << 20                          # bytes of the XML of one picture
EDGES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path, pictures: Path | None = None) -> Marked:
    """The marks of a file, and the picture that it names, in `pictures` (by default beside the file). What is "difficult" is hard.

    Edges count whole pixels from 1 on, the last included: a box from 1 to 1 is one pixel wide, from 0 to 1. Raises InputError for a file
    that is none, or lacks a part.
    """
    top = _tree(path)
    name = top.findtext("filename") or ""
    size = {edge: top.findtext(f"size/{edge}") for edge in ("height", "width")}
    rows, columns = (int(number(size, edge, str(path))) for edge in size)
    if rows < 1 or columns < 1:
        raise InputError(f"{path}: a picture of {rows} x {columns} pixels.", "Write its true size.")
    marks = tuple(_mark(each, f"{path}, object {count}") for count, each in enumerate(top.iterfind("object"), 1))
    return Marked(within(pictures or path.parent, name.strip(), str(path)), (rows, columns), marks)


def to_voc(picture: Marked) -> str:
    """The same as XML; edges are rounded to whole pixels, and a box has one at least. What was found has its score as "confidence"."""
    top, (rows, columns) = Xml.Element("annotation"), picture.size
    Xml.SubElement(top, "filename").text = picture.path.name
    size = Xml.SubElement(top, "size")
    for name, value in (("width", columns), ("height", rows), ("depth", 3)):
        Xml.SubElement(size, name).text = str(value)
    for one in picture.marks:
        part = Xml.SubElement(top, "object")
        Xml.SubElement(part, "name").text = one.label
        Xml.SubElement(part, "difficult").text = str(int(one.hard))
        if one.score is not None:
            Xml.SubElement(part, "confidence").text = f"{one.score:.6f}"
        box = Xml.SubElement(part, "bndbox")
        for name, value in zip(EDGES, _whole(one.box), strict=True):
            Xml.SubElement(box, name).text = str(value)
    Xml.indent(top)
    return Xml.tostring(top, encoding="unicode") + "\n"


def _tree(path: Path) -> Xml.Element:
    try:
        text = read_bytes(path, MOST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text.", "The file is damaged, or of another form.") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:                    # a few entities may become gigabytes
        raise InputError(f"{path} declares a type or entities, which marks have not.", "Do not trust this file.")
    try:
        top = Xml.fromstring(text)
    except (Xml.ParseError, ValueError) as error:
        raise InputError(f"{path} is not XML: {str(error)[:80]}.", "The file is damaged, or of another form.") from None
    if top.tag != "annotation":
        raise InputError(f"{path} is no annotation of VOC: it begins with <{top.tag[:40]}>.", "Is it the right file?")
    return top


def _mark(part: Xml.Element, where: str) -> Mark:
    label = (part.findtext("name") or "").strip()
    if not label:
        raise InputError(f"{where} has no name.", "Name what it is.")
    edges = {name: part.findtext(f"bndbox/{name}") for name in EDGES}
    left, top, right, bottom = (number(edges, name, where) for name in EDGES)
    said = {"confidence": part.findtext("confidence")}
    score = None if said["confidence"] is None else number(said, "confidence", where)
    return Mark(label, (left - 1, top - 1, right, bottom), score, (part.findtext("difficult") or "0").strip() == "1")


def _whole(box: Corners) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(round, box)
    return left + 1, top + 1, max(right, left + 1), max(bottom, top + 1)
