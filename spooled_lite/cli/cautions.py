"""What is to be said before a start about the disk and the network that the settings name."""

import os

from spooled_lite.clock import SystemClock
from spooled_lite.config import Settings
from spooled_lite.storage.before_upgrade import old_copies
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.network_disk import network_mount_of
from spooled_lite.wire.listen import is_loopback


def cautions(settings: Settings) -> list[str]:
    """Warnings for the log.

    Raises:
        CannotUseFile: in production, the database is on a file system of another machine.
    """
    return [*_about_disk(settings), *_about_old_copies(settings), *_about_network(settings)]


def _about_disk(settings: Settings) -> list[str]:
    if settings.allow_network_disk or settings.database == ":memory:":
        return []
    mount = network_mount_of(settings.database)
    if mount is None:
        return []
    told = (
        f"{settings.database} is on a network or shared file system ({mount.kind} at"
        f" {mount.folder}), where SQLite can lose or damage data; use a disk of this machine"
    )
    if settings.environment == "production":
        raise CannotUseFile(f"{told}, or set allow_network_disk = true and keep the risk")
    return [f"{told}. In production this is an error"]


def _about_old_copies(settings: Settings) -> list[str]:
    if settings.database == ":memory:":
        return []
    copies = old_copies(os.path.realpath(settings.database), now_ms=SystemClock().now_ms())
    return [
        f"{each.path} keeps the database as it was {each.days} days ago, in"
        f" {-(-each.bytes // 2**20)} MiB: delete it when nobody will go back to it"
        for each in copies
    ]


def _about_network(settings: Settings) -> list[str]:
    """A proxy that encrypts is known by the settings that only make sense behind one."""
    if is_loopback(settings.host) or settings.trust_proxy or settings.enable_hsts:
        return []
    return [
        f"listening on {settings.host} without TLS: keys and payloads can be read on the way."
        " Put a proxy with TLS in front and set trust_proxy, or listen on 127.0.0.1"
    ]
