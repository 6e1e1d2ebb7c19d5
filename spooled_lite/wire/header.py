"""A header in ASGI: its name in lower case, and its value."""

Header = tuple[bytes, bytes]
