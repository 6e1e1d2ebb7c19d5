"""JSON values as texts, which differ where the values do: in Python `True` is equal to 1."""

import json
from typing import Any


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
