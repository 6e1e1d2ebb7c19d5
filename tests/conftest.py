"""What holds for every test."""

import os
from pathlib import Path

import hypothesis

# A busy machine is no failure: where time matters a test says so itself.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# Many tests start a server. Where no bytecode is to be written, each of them compiles all modules
# anew, which takes as long as the start itself. So it is kept, outside the tree of modules.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    cache = Path(__file__).parents[1] / ".pytest_cache" / "bytecode"
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache))
