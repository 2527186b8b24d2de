"""Weight files, read without running anything, and the names of what is in them."""

from .folder import read_file, read_folder
from .names import Row, row, rows, to_ours, to_theirs, usual
from .safe import read_tensors, write_tensors

__all__ = ["Row", "read_file", "read_folder", "read_tensors", "row", "rows", "to_ours", "to_theirs", "usual", "write_tensors"]
