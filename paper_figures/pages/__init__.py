"""Makes the parts of pages: their environment, the drawings of blocks, the rows of a network."""
