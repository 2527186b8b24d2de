"""A recording on its way: what has been heard is let go of, and no more is read than is listened to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ...inputs.sounds import Sound


class Recording:
    """A sound, and how far it has been heard: `at` samples. `held`: what was read beyond; `ended`: whether that is all that there is."""

    def __init__(self, sound: Sound):
        self.sound, self.at, self.ended = sound, 0, False
        self.held: Float[np.ndarray, " n"] = np.zeros(0, np.float32)

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.ended and not len(self.held)

    def read(self, samples: int) -> None:
        """Hold so many samples, or all that there are. Raises InputError where the file breaks off."""
        parts, have = [self.held], len(self.held)
        while have < samples and not self.ended:
            piece = next(self.sound.pieces, None)
            self.ended = piece is None
            if piece is not None:
                parts.append(piece)
                have += len(piece)
        self.held = np.concatenate(parts)

    def go_on(self, samples: int) -> None:
        """So many more were heard."""
        samples = min(samples, len(self.held))
        self.at, self.held = self.at + samples, self.held[samples:]
