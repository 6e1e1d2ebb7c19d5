"""The store that an address names: a folder, or a bucket that is loaded only for who uses one."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from spooled_lite.outbound.stores import Folder, Store, StoreTrouble

S3_PREFIX: Final = "s3://"
_PLACE: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>[A-Za-z0-9._/-]{0,512}))?"
)


def is_folder(place: str) -> bool:
    return "://" not in place


def store_at(
    place: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Store:
    """A store at a path, or at `s3://bucket/prefix`. No service is asked yet.

    Raises:
        StoreTrouble: it is no place for backups, or cannot be used from here. The text does not
            repeat an address that is wrong: somebody may have put a key into it.
    """
    if is_folder(place):
        folder = Folder(place)
        folder.check()
        return folder
    found = _PLACE.fullmatch(place)
    if found is None:
        raise StoreTrouble("backups are kept in a folder or at s3://BUCKET/PREFIX; name one")
    if endpoint is not None:
        _check_endpoint(endpoint)
    try:
        # Imported here, since few keep backups in a bucket and the library is an extra.
        from spooled_lite.outbound.object_store import Bucket, BucketTerms
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise StoreTrouble(
            f"{place}: buckets need one more library: pip install 'spooled-lite[s3]'"
        ) from None
    prefix = (found["prefix"] or "").strip("/")
    return Bucket(found["bucket"], prefix, BucketTerms(endpoint, region), is_stopping=is_stopping)


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        is_well = parts.scheme in ("http", "https") and parts.hostname and not parts.query
    except ValueError:
        is_well = False
    if not is_well or "@" in endpoint:
        raise StoreTrouble(
            "backup_s3_endpoint is an address such as https://s3.example.com, without a key in it"
        )
