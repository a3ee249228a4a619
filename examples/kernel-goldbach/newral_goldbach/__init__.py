"""A kernel for Newral that comes in a package of its own."""
