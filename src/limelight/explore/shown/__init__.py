"""What a model says of a picture or a recording, or draws of a text, with where it looked: as a page shows it in its Align view."""

from .showing import Showing, shows

__all__ = ["Showing", "shows"]
