"""Statistics measured from tokens, of any source."""
