"""What holds for every test."""

import hypothesis

# A busy machine is no failure: where time matters a test says so itself.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
