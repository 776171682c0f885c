"""Content that comes with Assent, or is loaded from an operator's files."""
