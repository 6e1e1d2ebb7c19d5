"""Organizations: what is needed to make one."""

from typing import Literal

from msgspec import Struct

Tier = Literal["free", "starter", "pro", "enterprise"]


class NewOrganization(Struct, frozen=True, kw_only=True):
    name: str
    slug: str
    tier: Tier
    billing_email: str | None = None
