"""What sealed contents are bound to, as the additional data of AES-GCM: sealed for one place, they open at no other."""

from __future__ import annotations


def record_binding(tenant: int, type_: str, key: bytes, version: int) -> bytes:
    """What the body of a version is bound to: sealed for one place, it opens at no other."""
    return f"{tenant}/{type_}/{version}/".encode() + key


def key_binding(name: bytes) -> bytes:
    """What the holder of a uniqueness key is bound to."""
    return b"key/" + name


def job_binding(tenant: int, kind: str) -> bytes:
    """What a job's content is bound to."""
    return f"job/{tenant}/{kind}".encode()


def job_part_binding(tenant: int, job: int, number: int) -> bytes:
    """What a job's result, place or reason is bound to."""
    return f"job-part/{tenant}/{job}/{number}".encode()
