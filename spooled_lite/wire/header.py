"""A header as servers are given it and give it: its name in small letters, and its value."""

Header = tuple[bytes, bytes]
