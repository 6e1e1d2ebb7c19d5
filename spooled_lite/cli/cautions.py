"""What is to be said before a start about the disk and the network that the settings name."""

import os
import socket
from collections.abc import Sequence

from spooled_lite.clock import SystemClock
from spooled_lite.config import Settings
from spooled_lite.storage.before_upgrade import old_copies
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.network_disk import network_mount_of
from spooled_lite.wire.activation import addresses_of
from spooled_lite.wire.listen import is_loopback


def cautions(settings: Settings, sockets: Sequence[socket.socket] = ()) -> list[str]:
    """Warnings for the log. `sockets`: those of a service manager, which are served instead of host
    and port.

    Raises:
        CannotUseFile: in production, the database is on a file system of another machine.
    """
    return [
        *_about_disk(settings),
        *_about_backups(settings),
        *_about_old_copies(settings),
        *_about_sockets(settings, sockets),
        *_about_network(settings, sockets),
    ]


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


def _about_backups(settings: Settings) -> list[str]:
    if not settings.lacks_backups:
        return []
    return [
        "no backups are made: in production set backup_to to a folder on another disk, or to"
        " s3://BUCKET/PREFIX"
    ]


def _about_old_copies(settings: Settings) -> list[str]:
    if settings.database == ":memory:":
        return []
    copies = old_copies(os.path.realpath(settings.database), now_ms=SystemClock().now_ms())
    return [
        f"{each.path} keeps the database as it was {each.days} days ago, in"
        f" {-(-each.bytes // 2**20)} MiB: delete it when nobody will go back to it"
        for each in copies
    ]


def _about_sockets(settings: Settings, sockets: Sequence[socket.socket]) -> list[str]:
    """Settings that were set and have no effect."""
    named = [settings.given[name] for name in ("host", "port") if name in settings.given]
    if not sockets or not named:
        return []
    return [
        f"{' and '.join(named)}: no effect on HTTP, which is served at"
        f" {', '.join(addresses_of(sockets))}, as the service manager says"
    ]


def _about_network(settings: Settings, sockets: Sequence[socket.socket]) -> list[str]:
    """A proxy that encrypts is known by the settings that only make sense behind one."""
    hosts = [each.getsockname()[0] for each in sockets]
    has_plain_grpc = settings.grpc_port != "off" and not settings.grpc_tls_enabled
    if not sockets or has_plain_grpc or settings.metrics_port:
        hosts.append(settings.host)
    open_hosts = list(dict.fromkeys(host for host in hosts if not is_loopback(host)))
    if not open_hosts or settings.trust_proxy or settings.enable_hsts:
        return []
    return [
        f"listening on {', '.join(open_hosts)} without TLS: keys and payloads can be read on the"
        " way. Put a proxy with TLS in front and set trust_proxy, or listen on 127.0.0.1"
    ]
