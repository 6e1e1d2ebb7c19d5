"""File systems of other machines are told by the list of mounts."""

from pathlib import Path

import pytest

from spooled_lite.storage import network_disk
from spooled_lite.storage.network_disk import Mount, mount_of, network_mount_of

MOUNTS = r"""proc /proc proc rw 0 0
/dev/sda1 / ext4 rw,relatime 0 0
server:/jobs /mnt/jobs nfs4 rw,vers=4.2 0 0
/dev/sdb1 /mnt/jobs/local xfs rw 0 0
//nas/share /mnt/with\040space cifs rw 0 0
/dev/sdc1 /mnt/covered ext4 rw 0 0
server:/late /mnt/covered nfs rw 0 0
cut
"""


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/spooled.db", Mount("/", "ext4")),
        ("/mnt/jobs/spooled.db", Mount("/mnt/jobs", "nfs4")),
        ("/mnt/jobs", Mount("/mnt/jobs", "nfs4")),
        ("/mnt/jobs-of-mine/spooled.db", Mount("/", "ext4")),
        ("/mnt/jobs/local/spooled.db", Mount("/mnt/jobs/local", "xfs")),
        ("/mnt/with space/spooled.db", Mount("/mnt/with space", "cifs")),
        ("/mnt/covered/spooled.db", Mount("/mnt/covered", "nfs")),
    ],
)
def test_a_file_is_on_the_mount_nearest_above_it(path: str, mount: Mount) -> None:
    assert mount_of(path, MOUNTS) == mount


def test_where_no_mount_is_known_nothing_is_said() -> None:
    assert mount_of("/spooled.db", "") is None


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [
        *((kind, True) for kind in ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph")),
        *((f"fuse.{kind}", True) for kind in ("sshfs", "rclone", "glusterfs", "grpcfuse")),
        *((kind, False) for kind in ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk")),
        ("fuse.fuse-overlayfs", False),
    ],
)
def test_a_network_file_system_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_network: bool
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"there {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(network_disk, "MOUNTS", str(mounts))

    found = network_mount_of(str(tmp_path / "new" / "spooled.db"))

    assert found == (Mount(str(tmp_path), kind) if is_network else None)


def test_a_link_is_followed_to_the_disk_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mounts = tmp_path / "there", tmp_path / "mounts"
    there.mkdir()
    (tmp_path / "here").symlink_to(there)
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/ {there} nfs rw 0 0\n")
    monkeypatch.setattr(network_disk, "MOUNTS", str(mounts))

    assert network_mount_of(str(tmp_path / "here" / "spooled.db")) == Mount(str(there), "nfs")


def test_a_system_without_a_list_of_mounts_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_disk, "MOUNTS", str(tmp_path / "missing"))

    assert network_mount_of(str(tmp_path / "spooled.db")) is None
