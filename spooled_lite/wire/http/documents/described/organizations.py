"""The routes of organizations and their keys."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.auth.records import AddressCode, ConfirmationSent
from spooled_lite.core.keys import records as key_records
from spooled_lite.core.keys.onboard import OnboardedView
from spooled_lite.core.orgs import records
from spooled_lite.core.orgs.usage import Usage
from spooled_lite.errors import (
    BadRequest,
    Conflict,
    NotFound,
    QuotaExceeded,
    RuleBroken,
    WrongShape,
)
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter
from spooled_lite.wire.http.resources import confirmation, keys, orgs

_OWN: Final = "Of the caller's own organization; another one is 404."
_KEY: Final = {
    "name": "Worker of the mail service",
    "queues": ["emails"],
    "permissions": ["jobs:read", "jobs:write"],
    "rate_limit": 600,
    "expires_at": "2030-01-01T00:00:00Z",
}
_MORE: Final = "A key cannot give more than it has."

ORGANIZATIONS: Final[Mapping[Handler, Doc]] = {
    orgs.list_all: Doc(
        summary="The caller's own organization, as a list", answer=list[records.OrganizationView]
    ),
    orgs.create: Doc(
        summary="Make an organization",
        about="With its first key, which is shown this once. Open to anybody, or with the admin "
        "key alone, as registration is set.",
        body=records.CreateOrganization,
        example={"name": "Acme", "slug": "acme", "billing_email": "ada@example.org"},
        answer=OnboardedView,
        statuses=(201,),
        errors=(Conflict,),
    ),
    orgs.check_slug: Doc(
        summary="Is a slug free?",
        parameters=(Parameter("slug", "The slug", is_required=True, example="acme"),),
        answer=records.SlugAnswer,
        errors=(WrongShape,),
    ),
    orgs.check_slug_in_path: Doc(summary="Is a slug free?", answer=records.SlugAnswer),
    orgs.generate_slug: Doc(
        summary="A free slug for a name",
        body=records.GenerateSlug,
        example={"name": "Acme"},
        answer=records.GeneratedSlug,
    ),
    orgs.usage: Doc(summary="What is used of what the plan allows", answer=Usage),
    orgs.usage_of: Doc(summary="What is used of what the plan allows", about=_OWN, answer=Usage),
    orgs.webhook_token: Doc(
        summary="The token that inbound webhooks show", answer=records.WebhookTokenView
    ),
    orgs.webhook_token_of: Doc(
        summary="The token that inbound webhooks show", about=_OWN, answer=records.WebhookTokenView
    ),
    orgs.new_webhook_token: Doc(
        summary="Another webhook token",
        about="The old one stops at once.",
        answer=records.WebhookTokenView,
    ),
    orgs.new_webhook_token_of: Doc(
        summary="Another webhook token",
        about=f"The old one stops at once. {_OWN}",
        answer=records.WebhookTokenView,
    ),
    orgs.get: Doc(summary="One organization", about=_OWN, answer=records.OrganizationView),
    orgs.update: Doc(
        summary="Change an organization",
        about=f"What is left out is kept; an empty text clears. {_OWN}",
        body=records.UpdateOrganization,
        example={"name": "Acme Inc", "description": "Mail and more", "settings": {"theme": "dark"}},
        answer=records.OrganizationView,
    ),
    confirmation.confirm: Doc(
        summary="Confirm the address of an organization",
        about="With the code that was mailed to `billing_email` when it was set, or when a key of "
        f"the organization signed in first. Only then the address signs in by mail. {_OWN}",
        body=AddressCode,
        example={"code": "0123456789"},
        answer=records.OrganizationView,
        errors=(BadRequest,),
    ),
    confirmation.send_again: Doc(
        summary="Mail another code to confirm the address",
        about=f"Once a minute for each address. {_OWN}",
        answer=ConfirmationSent,
        errors=(Conflict,),
    ),
    orgs.delete: Doc(
        summary="Delete an organization for good",
        about=f"409 while it has active jobs or workers. {_OWN}",
        statuses=(204,),
        errors=(Conflict,),
    ),
    orgs.members: Doc(
        summary="Who belongs to an organization",
        about=f"Its active keys, oldest first. {_OWN}",
        answer=list[records.Member],
    ),
}

KEYS: Final[Mapping[Handler, Doc]] = {
    keys.list_all: Doc(
        summary="The newest 100 keys, revoked ones too", answer=list[key_records.KeyView]
    ),
    keys.create: Doc(
        summary="Make a key",
        about=f"It is shown this once. {_MORE}",
        body=key_records.CreateKey,
        example=_KEY,
        answer=key_records.KeyShown,
        statuses=(201,),
        errors=(QuotaExceeded,),
    ),
    keys.get: Doc(summary="One key", answer=key_records.KeyView),
    keys.update: Doc(
        summary="Change a key",
        about=f"What is left out is kept; null clears `rate_limit`. {_MORE}",
        body=key_records.UpdateKey,
        example={"name": "Worker", "rate_limit": None, "is_active": True},
        answer=key_records.KeyView,
        errors=(QuotaExceeded,),
    ),
    keys.revoke_key: Doc(
        summary="Revoke a key", about="At once, with its tokens.", statuses=(204,)
    ),
    keys.regenerate_key: Doc(
        summary="Another secret for a key",
        about="It is shown this once. The old one stops at once, with its tokens, waiting "
        "claims and open streams.",
        answer=key_records.KeyShown,
    ),
    keys.create_for_organization: Doc(
        summary="Make a key of an organization",
        about="With a key of it or the admin key. Without either only in the hour after it was "
        f"made, as long as none of its keys has been used. {_MORE}",
        body=key_records.CreateKey,
        example=_KEY,
        answer=key_records.KeyShown,
        statuses=(201,),
        errors=(NotFound, QuotaExceeded, RuleBroken),
    ),
}
