"""`python -m spooled_lite`."""

from spooled_lite.cli.main import main

main()
