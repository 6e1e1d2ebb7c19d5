"""Rows of the answers that are kept for who repeats a call."""

from typing import TypedDict


class KeptAnswerRow(TypedDict):
    digest: bytes
    queues: bytes  # a JSON array: those of the API key that called
    status: int
    body: bytes
