"""The sizes of model that are compared, the same for all contestants."""

from __future__ import annotations

from dataclasses import dataclass

from limelight.spec import Model, encoder_decoder

PAD, END = 0, 2


@dataclass(frozen=True)
class Size:
    """An encoder-decoder with one vocabulary on both sides and one table of embeddings."""

    name: str
    vocab: int
    dim: int
    heads: int
    encoder: int
    decoder: int
    hidden: int

    def spec(self, *, dropout: float = 0.0, post: bool = False, length: int = 512) -> Model:
        """As Limelight describes it; `post`: with the norm after each sum, as Marian has it."""
        return encoder_decoder(
            vocab=self.vocab,
            dim=self.dim,
            heads=self.heads,
            encoder_depth=self.encoder,
            decoder_depth=self.decoder,
            hidden=self.hidden,
            length=length,
            dropout=dropout,
            norm_at="post" if post else "pre",
        )


BUNDLED = Size("bundled", vocab=8000, dim=256, heads=4, encoder=4, decoder=3, hidden=1024)   # the model in the package
BASE = Size("base", vocab=32000, dim=512, heads=8, encoder=6, decoder=6, hidden=2048)        # Vaswani et al. 2017, table 3
TINY = Size("tiny", vocab=500, dim=32, heads=2, encoder=1, decoder=2, hidden=64)             # to see that a benchmark runs
