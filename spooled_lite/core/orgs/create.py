"""Create an organization, and find one by its id, slug or number."""

import base64
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from spooled_lite.core.orgs import statements
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.core.orgs.slugs import slug_of, slug_problem, with_suffix
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading, Tx

TOKEN_BYTES: Final = 32
TRIES_MAX: Final = 100  # numbers tried after a slug that is taken, before random characters
CHANCE_CHARS: Final = 6

Chance = Callable[[int], bytes]


class FoundSlug(Struct, frozen=True):
    """Whether a slug can be had."""

    slug: str
    problem: str | None = None  # why it is not a slug, or is reserved
    suggestion: str | None = None  # it is taken; this similar one is free

    @property
    def is_free(self) -> bool:
        return self.problem is None and self.suggestion is None


def create(tx: Tx, organization: NewOrganization) -> OrgRow:
    """Store a new organization, with a webhook token of its own, and announce it.

    Raises:
        Conflict: the slug is taken (storage says so, by the unique index).
    """
    slug = organization.slug or free_slug(tx, organization.name, tx.secret)
    row = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "name": organization.name,
            "slug": slug,
            "plan_tier": organization.tier,
            "billing_email": organization.billing_email,
            "billing_email_verified_at_ms": tx.now_ms if organization.is_email_verified else None,
            "settings": organization.settings,
            "custom_limits": organization.custom_limits,
            "webhook_token": new_webhook_token(tx),
            "github_webhook_secret": organization.github_webhook_secret,
            "stripe_webhook_secret": organization.stripe_webhook_secret,
            "now_ms": tx.now_ms,
        },
    )
    assert row is not None, "INSERT ... RETURNING always yields a row"
    tx.emit("org.changed", row["seq"], row=row)
    return row


def new_webhook_token(tx: Tx) -> str:
    text = base64.urlsafe_b64encode(tx.secret(TOKEN_BYTES)).rstrip(b"=").decode("ascii")
    return f"whk_{text}"


def find_first(tx: Reading) -> OrgRow | None:
    """The oldest organization; None in a new file."""
    return tx.row(statements.FIRST)


def find_by_name(tx: Reading, name: str) -> OrgRow | None:
    """The organization with this id or slug."""
    return tx.row(statements.BY_NAME, {"name": name})


def get_by_id(tx: Reading, org_id: str) -> OrgRow:
    """Raises NotFound."""
    return _found(tx.row(statements.BY_ID, {"id": org_id}))


def get_organization(tx: Reading, org: int) -> OrgRow:
    """Raises NotFound: it was deleted after the caller was authenticated."""
    return _found(tx.row(statements.BY_SEQ, {"org": org}))


def check_slug(tx: Reading, slug: str, chance: Chance) -> FoundSlug:
    """Whether a new organization may have this slug; when another one has it, which is free.

    Contract: platform, section 8.3.
    """
    problem = slug_problem(slug)
    if problem is not None:
        return FoundSlug(slug, problem=problem.message)
    if not _is_taken(tx, slug):
        return FoundSlug(slug)
    return FoundSlug(slug, suggestion=_next_free(tx, slug, chance))


def free_slug(tx: Reading, name: str, chance: Chance) -> str:
    """A free slug for an organization of this name.

    Contract: platform, section 8.3.
    """
    slug = slug_of(name) or f"org-{_random_text(chance)}"
    return _next_free(tx, slug, chance) if _is_taken(tx, slug) else slug


def _next_free(tx: Reading, slug: str, chance: Chance) -> str:
    for number in range(2, TRIES_MAX + 2):
        numbered = with_suffix(slug, str(number))
        if not _is_taken(tx, numbered):
            return numbered
    return with_suffix(slug, _random_text(chance))


def _is_taken(tx: Reading, slug: str) -> bool:
    return tx.value(statements.SLUG_TAKEN, {"slug": slug}) is not None


def _random_text(chance: Chance) -> str:
    return chance(CHANCE_CHARS // 2).hex()


def _found(row: OrgRow | None) -> OrgRow:
    if row is None:
        raise NotFound.thing("Organization")
    return row
