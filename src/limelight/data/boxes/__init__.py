"""Pictures with boxes around what there is to see in them: read and written as other tools keep them, and changed for training."""

from .album import read_album
from .changes import Changes, changed
from .coco import read_coco, to_coco
from .lessons import lesson
from .marks import Album, Mark, Marked
from .voc import read_voc, to_voc

__all__ = ["Album", "Changes", "Mark", "Marked", "changed", "lesson", "read_album", "read_coco", "read_voc", "to_coco", "to_voc"]
