"""Spooled Lite: the Spooled API in one process on one SQLite file."""

__version__ = "0.1.0"
