"""Statistics of sentences: exact for a grammar, and measured from tokens of any source."""
