"""Bodies and answers about organizations. Contract: platform, section 8."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Raw, Struct

from spooled_lite.core.auth.records import CODE_SECONDS
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.keys.onboard import Onboarded
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.create import FoundSlug
from spooled_lite.core.orgs.members import ActiveKeys
from spooled_lite.core.orgs.records import (
    ORG_SETTINGS_BYTES_MAX,
    NewOrganization,
    OrganizationChanges,
    Tier,
    check_email,
    settings_columns,
)
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_time, about, one_of
from spooled_lite.wire.shapes.billing import NoFlag, NoTime, PlanTier, SubscriptionStatus
from spooled_lite.wire.shapes.common import CreatedAt, Id, IsSuccess, OrganizationId, UpdatedAt
from spooled_lite.wire.shapes.keys import IsActive, KeyShown

A_KEY_ID: Final = "5b1d6b0e-3f55-4a2a-8e3e-0f6a1b2c3d44"
AN_EMAIL: Final = "ada@example.org"
A_TOKEN: Final = "whk_3kD…"

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Name = Annotated[str, about("The name", "Acme")]
NameGiven = Annotated[str, Meta(min_length=3, max_length=100), about("The name", "Acme")]
Slug = Annotated[str, about("A short name: 3 to 50 of `a`-`z`, digits and single hyphens between them", "acme")]
BillingEmail = Annotated[str, about("An email address", AN_EMAIL)]
IsVerified = Annotated[bool, about("Whether it was confirmed with a mailed code; only then it can sign in by mail", True)]
DescriptionGiven = Annotated[str, Meta(max_length=500), about("For people; an empty text clears", "Mail and more")]
Description = Annotated[str, about("For people, up to 500 characters", "Mail and more")]
LogoUrl = Annotated[str, about("Where its picture is", "https://example.org/logo.png")]
SettingsGiven = Annotated[Raw, about(f"An object up to {ORG_SETTINGS_BYTES_MAX} bytes, which replaces the old one; a `webhook_token` in it, a `github_webhook_secret` and a `stripe_webhook_secret` become the organization's and are not shown with it; null takes a secret away", {"theme": "dark"}, type=["object", "null"])]
Settings = Annotated[Raw, about("Data of the caller", {}, type="object")]
LimitsOfItsOwn = Annotated[Raw, about("Limits of its own, which win over the plan's; null: none", {"max_queues": None}, type=["object", "null"])]
SamePlan = Annotated[str, about("The same as `plan_tier`", "free")]
CustomerId = Annotated[str, about("The customer an administrator entered")]
SubscriptionId = Annotated[str, about("The subscription an administrator entered")]
KeyId = Annotated[str, about("The id of the key", A_KEY_ID)]
KeyName = Annotated[str, about("The name of the key", "Worker")]
Email = Annotated[str, about("The address", AN_EMAIL)]
Role = Annotated[Literal["owner", "member"], one_of("`owner`: not limited to some queues", "owner", "member")]
JoinedAt = Annotated[str, a_time("When the key was made")]
IsAvailable = Annotated[bool, about("Whether it is free", True)]
IsValid = Annotated[bool, about("Whether it is a valid slug", True)]
SlugAsked = Annotated[str, about("What was asked for", "acme")]
SlugProblem = Annotated[str, about("Why it cannot be used")]
SameProblem = Annotated[str, about("The same as `error`")]
Suggestion = Annotated[str, about("A free one like it")]
Suggestions = Annotated[tuple[str, ...], about("Free ones like it", [])]
NameOfSlug = Annotated[str, Meta(min_length=1, max_length=100), about("The name to make it from", "Acme")]
WebhookToken = Annotated[str, about("The token that incoming webhooks send", A_TOKEN)]
SameToken = Annotated[str, about("The same as `webhook_token`", A_TOKEN)]
WebhookUrl = Annotated[str, about("Where they go", "http://127.0.0.1:8080/api/v1/webhooks/…/custom")]
AddressCodeGiven = Annotated[str, Meta(pattern=r"\A[0-9]{10}\Z"), about("The ten digits from the mail", "0123456789")]
MaskedEmail = Annotated[str, about("The address, masked", "a***@example.org")]
CodeExpiresIn = Annotated[int, about("Seconds until it ends", CODE_SECONDS, minimum=0)]
# fmt: on


class CreateOrganization(Struct, kw_only=True):
    """Body of POST /organizations. Without a slug it gets one made from its name."""

    name: NameGiven
    slug: Slug | None = None
    billing_email: BillingEmail | None = None

    def new_organization(self, tier: Tier) -> NewOrganization:
        """The organization to create. Raises RuleBroken, which names every broken rule."""
        made = NewOrganization(
            name=self.name, slug=self.slug, tier=tier, billing_email=self.billing_email or None
        )
        return made.checked()


class UpdateOrganization(Struct, kw_only=True):
    """Body of PUT /organizations/{id}. What is left out or null is kept; an empty text clears.

    Slug and tier cannot be changed here: they are ignored, as all unknown fields are.
    """

    name: NameGiven | None = None
    billing_email: BillingEmail | None = None
    description: DescriptionGiven | None = None
    logo_url: Annotated[LogoUrl, Meta(max_length=2048)] | None = None
    settings: SettingsGiven = NULL  # replaces the whole value

    def changes(self) -> OrganizationChanges:
        """Raises RuleBroken for a bad address or bad settings."""
        if self.billing_email:
            check_email(self.billing_email)
        columns: dict[str, Any] = {}
        if self.name is not None:
            columns["name"] = self.name
        cleared_by_empty: Mapping[str, str | None] = {
            "billing_email": self.billing_email,
            "description": self.description,
            "logo_url": self.logo_url,
        }
        for name, value in cleared_by_empty.items():
            if value is not None:
                columns[name] = value or None
        return OrganizationChanges(columns | settings_columns(bytes(self.settings)))


class OrganizationView(Struct, frozen=True, kw_only=True):
    """An organization. Contract: platform, section 8.1."""

    id: Id
    name: Name
    slug: Slug
    plan_tier: PlanTier
    plan: SamePlan
    billing_email: BillingEmail | None
    billing_email_verified: IsVerified
    description: Description | None
    logo_url: LogoUrl | None
    settings: Settings
    custom_limits: LimitsOfItsOwn
    stripe_customer_id: CustomerId | None
    stripe_subscription_id: SubscriptionId | None
    stripe_subscription_status: SubscriptionStatus | None
    stripe_current_period_end: NoTime | None = None
    stripe_cancel_at_period_end: NoFlag | None = None
    is_active: IsActive
    created_at: CreatedAt
    updated_at: UpdatedAt

    @classmethod
    def of(cls, row: OrgRow, **more: Any) -> Self:
        """`more` are the additional fields of a subclass."""
        custom_limits = row["custom_limits"]
        return cls(
            id=row["id"],
            name=row["name"],
            slug=row["slug"],
            plan_tier=row["plan_tier"],
            plan=row["plan_tier"],
            billing_email=row["billing_email"],
            billing_email_verified=row["billing_email_verified_at_ms"] is not None,
            description=row["description"],
            logo_url=row["logo_url"],
            settings=Raw(row["settings"]),
            custom_limits=NULL if custom_limits is None else Raw(custom_limits),
            stripe_customer_id=row["stripe_customer_id"],
            stripe_subscription_id=row["stripe_subscription_id"],
            stripe_subscription_status=row["stripe_subscription_status"],
            is_active=bool(row["is_active"]),
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
            **more,
        )


class OnboardedView(Struct, frozen=True, kw_only=True):
    """Answer of POST /organizations: nested, and flat beside it. Contract: platform, 8.2."""

    organization: Annotated[OrganizationView, about("What was made")]
    api_key: Annotated[KeyShown, about("Its first key, shown only here")]
    id: Id
    name: Name
    slug: Slug
    plan_tier: PlanTier
    created_at: CreatedAt
    api_key_id: KeyId

    @classmethod
    def of(cls, made: Onboarded) -> Self:
        organization = OrganizationView.of(made.row)
        return cls(
            organization=organization,
            api_key=KeyShown.issued(made.key, organization.id),
            id=organization.id,
            name=organization.name,
            slug=organization.slug,
            plan_tier=organization.plan_tier,
            created_at=organization.created_at,
            api_key_id=made.key.row["id"],
        )


class Member(Struct, frozen=True, kw_only=True):
    """A row of GET /organizations/{id}/members, made from an API key: there are no user accounts."""

    id: KeyId
    user_id: KeyId
    organization_id: OrganizationId
    email: Email
    name: KeyName
    role: Role
    joined_at: JoinedAt

    @classmethod
    def all_of(cls, found: ActiveKeys) -> list[Self]:
        return [
            cls(
                id=each.row["id"],
                user_id=each.row["id"],
                organization_id=found.org_id,
                email=found.email,
                name=each.row["name"],
                role=each.role,
                joined_at=format_ms(each.row["created_at_ms"]),
            )
            for each in found.keys
        ]


class SlugAnswer(Struct, frozen=True, kw_only=True):
    """Answer of GET /organizations/check-slug."""

    available: IsAvailable
    valid: IsValid
    slug: SlugAsked
    error: SlugProblem | None = None
    message: SameProblem | None = None
    suggestion: Suggestion | None = None
    suggestions: Suggestions = ()

    @classmethod
    def of(cls, found: FoundSlug) -> Self:
        free = found.suggestion
        return cls(
            available=found.is_free,
            valid=found.problem is None,
            slug=found.slug,
            error=found.problem,
            message=found.problem if free is None else "This slug is taken",
            suggestion=free,
            suggestions=() if free is None else (free,),
        )


class GenerateSlug(Struct, kw_only=True):
    """Body of POST /organizations/generate-slug."""

    name: NameOfSlug


class GeneratedSlug(Struct, frozen=True):
    """Answer of POST /organizations/generate-slug."""

    slug: Slug


class WebhookTokenView(Struct, frozen=True, kw_only=True):
    """The token that incoming webhooks send, and their addresses. Platform, section 8.3."""

    webhook_token: WebhookToken
    token: SameToken
    webhook_url: WebhookUrl
    created_at: CreatedAt
    expires_at: Annotated[None, about("Always null")] = None

    @classmethod
    def of(cls, row: OrgRow, base_url: str) -> Self:
        return cls(
            webhook_token=row["webhook_token"],
            token=row["webhook_token"],
            webhook_url=f"{base_url}/api/v1/webhooks/{row['id']}/custom",
            created_at=format_ms(row["webhook_token_created_at_ms"]),
        )


class AddressCode(Struct, kw_only=True):
    """Body of POST /organizations/{id}/billing-email/confirm."""

    code: AddressCodeGiven


class ConfirmationSent(Struct, frozen=True, kw_only=True):
    """Answer of POST /organizations/{id}/billing-email/code."""

    success: IsSuccess = True
    email_sent_to: MaskedEmail
    expires_in: CodeExpiresIn = CODE_SECONDS
