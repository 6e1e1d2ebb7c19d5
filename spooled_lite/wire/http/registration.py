"""Who may make an organization. Contract: platform, section 8.2."""

from spooled_lite.errors import AccessDenied
from spooled_lite.wire.http.admin_key import has_admin_key
from spooled_lite.wire.http.call import Call


async def check_registration(call: Call) -> None:
    """Raises AccessDenied: registration is closed, or by an invitation that does not exist yet."""
    match call.settings.registration_mode:
        case "open":
            return
        case "closed" if await has_admin_key(call):
            return
        case "closed":
            raise AccessDenied("Registration is closed; the admin key opens it")
        case "invite":
            raise AccessDenied("Registration is by invitation only")
