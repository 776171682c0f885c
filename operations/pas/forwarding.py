"""Requests to remote payers (placeholder)."""

from __future__ import annotations


async def forward(*a):  # type: ignore
    raise NotImplementedError
