"""How fast this machine computes, beside the libraries that specialists use."""
