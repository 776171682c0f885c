"""Sealing: what a store keeps is unreadable without the master key (DESIGN section 3)."""
