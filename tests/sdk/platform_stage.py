"""Organizations of their own for the tests of the platform calls."""

import uuid

from spooled.client import SpooledClient
from spooled.types.organizations import CreateOrganizationResponse


def a_slug() -> str:
    return f"org-{uuid.uuid4().hex[:12]}"


def register(client: SpooledClient, **fields: str) -> CreateOrganizationResponse:
    """A new organization, as anybody can make one."""
    return client.organizations.create({"name": "Fresh", "slug": a_slug(), **fields})
