"""The gallery: what the bundled models make of the first examples that they were tested on, none picked by hand, as docs/gallery."""
