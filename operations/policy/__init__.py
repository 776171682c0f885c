"""Payer policies: criteria, compilation, selection, and the Library resources that carry them."""
