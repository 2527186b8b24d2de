"""Models that draw: from pictures with texts to a codec and a Transformer that writes its codes, their scores and their card."""
