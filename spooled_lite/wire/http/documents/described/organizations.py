"""The routes of organizations and their keys."""

from collections.abc import Mapping
from typing import Final

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
from spooled_lite.wire.shapes import keys as key_shapes
from spooled_lite.wire.shapes import organizations as shapes
from spooled_lite.wire.shapes.usage import Usage

_OWN: Final = "Only for the caller's own organization; any other is 404."
_KEY: Final = {
    "name": "Worker of the mail service",
    "queues": ["emails"],
    "permissions": ["jobs:read", "jobs:write"],
    "rate_limit": 600,
    "expires_at": "2030-01-01T00:00:00Z",
}
_MORE: Final = "A key cannot give more than it has itself."

ORGANIZATIONS: Final[Mapping[Handler, Doc]] = {
    orgs.list_all: Doc(
        summary="Show the caller's organization, in a list", answer=list[shapes.OrganizationView]
    ),
    orgs.create: Doc(
        summary="Create an organization",
        about="With its first key, which is shown only here. Open to anyone or only with the admin "
        "key, depending on the setting `registration`.",
        body=shapes.CreateOrganization,
        example={"name": "Acme", "slug": "acme", "billing_email": "ada@example.org"},
        answer=shapes.OnboardedView,
        statuses=(201,),
        errors=(Conflict,),
    ),
    orgs.check_slug: Doc(
        summary="Check whether a slug is free",
        parameters=(Parameter("slug", "The slug", is_required=True, example="acme"),),
        answer=shapes.SlugAnswer,
        errors=(WrongShape,),
    ),
    orgs.check_slug_in_path: Doc(summary="Check whether a slug is free", answer=shapes.SlugAnswer),
    orgs.generate_slug: Doc(
        summary="Make a free slug from a name",
        body=shapes.GenerateSlug,
        example={"name": "Acme"},
        answer=shapes.GeneratedSlug,
    ),
    orgs.usage: Doc(summary="Compare usage with the limits of the plan", answer=Usage),
    orgs.usage_of: Doc(
        summary="Compare usage with the limits of the plan", about=_OWN, answer=Usage
    ),
    orgs.webhook_token: Doc(
        summary="Show the token that incoming webhooks send", answer=shapes.WebhookTokenView
    ),
    orgs.webhook_token_of: Doc(
        summary="Show the token that incoming webhooks send",
        about=_OWN,
        answer=shapes.WebhookTokenView,
    ),
    orgs.new_webhook_token: Doc(
        summary="Make a new webhook token",
        about="The old one stops working at once.",
        answer=shapes.WebhookTokenView,
    ),
    orgs.new_webhook_token_of: Doc(
        summary="Make a new webhook token",
        about=f"The old one stops working at once. {_OWN}",
        answer=shapes.WebhookTokenView,
    ),
    orgs.get: Doc(summary="Show one organization", about=_OWN, answer=shapes.OrganizationView),
    orgs.update: Doc(
        summary="Change an organization",
        about=f"Fields that are left out do not change; an empty text clears a field. {_OWN}",
        body=shapes.UpdateOrganization,
        example={"name": "Acme Inc", "description": "Mail and more", "settings": {"theme": "dark"}},
        answer=shapes.OrganizationView,
    ),
    confirmation.confirm: Doc(
        summary="Confirm the billing address of an organization",
        about="With the code that was mailed to `billing_email` when it was set, or when a key of "
        f"the organization first signed in. The address can then sign in by mail. {_OWN}",
        body=shapes.AddressCode,
        example={"code": "0123456789"},
        answer=shapes.OrganizationView,
        errors=(BadRequest,),
    ),
    confirmation.send_again: Doc(
        summary="Mail a new code to confirm the address",
        about=f"At most once a minute for each address. {_OWN}",
        answer=shapes.ConfirmationSent,
        errors=(Conflict,),
    ),
    orgs.delete: Doc(
        summary="Delete an organization",
        about=f"Cannot be undone. 409 while it has active jobs or workers. {_OWN}",
        statuses=(204,),
        errors=(Conflict,),
    ),
    orgs.members: Doc(
        summary="List the members of an organization",
        about=f"The members are its active keys, oldest first. {_OWN}",
        answer=list[shapes.Member],
    ),
}

KEYS: Final[Mapping[Handler, Doc]] = {
    keys.list_all: Doc(
        summary="List the newest 100 keys, including revoked ones", answer=list[key_shapes.KeyView]
    ),
    keys.create: Doc(
        summary="Create a key",
        about=f"The key is shown only in this answer. {_MORE}",
        body=key_shapes.CreateKey,
        example=_KEY,
        answer=key_shapes.KeyShown,
        statuses=(201,),
        errors=(QuotaExceeded,),
    ),
    keys.get: Doc(summary="One key", answer=key_shapes.KeyView),
    keys.update: Doc(
        summary="Change a key",
        about=f"Fields that are left out do not change; null clears `rate_limit`. {_MORE}",
        body=key_shapes.UpdateKey,
        example={"name": "Worker", "rate_limit": None, "is_active": True},
        answer=key_shapes.KeyView,
        errors=(QuotaExceeded,),
    ),
    keys.revoke_key: Doc(
        summary="Revoke a key",
        about="The key and its tokens stop working at once.",
        statuses=(204,),
    ),
    keys.regenerate_key: Doc(
        summary="Give a key a new secret",
        about="The new secret is shown only here. The old one stops at once, with tokens, waiting "
        "claims and open streams.",
        answer=key_shapes.KeyShown,
    ),
    keys.create_for_organization: Doc(
        summary="Create a key for an organization",
        about="With one of its keys or the admin key. Without either, only in the hour after it was"
        f" created, until one of its keys is used. {_MORE}",
        body=key_shapes.CreateKey,
        example=_KEY,
        answer=key_shapes.KeyShown,
        statuses=(201,),
        errors=(NotFound, QuotaExceeded, RuleBroken),
    ),
}
