"""What the test vectors of the specification say; `make_vectors.py` writes them down."""
