"""UCUM, the Unified Code for Units of Measure (version 2.2, case-sensitive codes): read units, compare and convert exactly."""

from terminology.ucum.units import Unit, conversion_factor, parse_unit, product

__all__ = ["Unit", "conversion_factor", "parse_unit", "product"]
