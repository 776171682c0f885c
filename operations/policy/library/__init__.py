"""Payer policies as FHIR Library resources: conversion, and the policies that ship with Assent (the JSON files beside)."""

from operations.policy.library.bundled import bundled_documents, bundled_libraries, bundled_policies
from operations.policy.library.convert import carries_policy, criteria_of, library_of, policy_of

__all__ = [
    "bundled_documents",
    "bundled_libraries",
    "bundled_policies",
    "carries_policy",
    "criteria_of",
    "library_of",
    "policy_of",
]
