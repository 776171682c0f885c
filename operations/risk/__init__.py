"""Readiness, denial risk and expected friction, with reasons and verified remedies."""
