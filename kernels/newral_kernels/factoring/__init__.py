"""Finding the prime factors of a number, always in the same way: nothing here is random."""
