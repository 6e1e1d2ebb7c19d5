"""Why there is no export, or nothing was imported."""


class ExportFailed(Exception):
    """There is no export. The message says why, and whether it can go on."""


class ExportBrokeOff(ExportFailed):
    """What is there can be continued."""


class ImportFailed(Exception):
    """Nothing was imported. The message says why, and whether it can go on."""
