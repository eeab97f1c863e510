"""Who visits the shop: a secret in an HttpOnly cookie, and the checkout session that stands behind it."""

import secrets
import threading
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie

# Cookies don't know ports: another demo on this machine must not meet ours.
COOKIE = "token_broker_demo_visitor"
#: The oldest visitor is forgotten for the next one beyond these.
VISITORS_KEPT = 1000


class Visitors:
    """In memory: after a restart everyone is new."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def session_of(self, cookies: str | None) -> tuple[str, str | None]:
        """The visitor's session, and for a new visitor the `Set-Cookie` that makes them known."""
        visitor = _visitor(cookies)
        with self._lock:
            known = self._sessions.get(visitor or "")
            return (known, None) if known is not None else self._welcome()

    def new_session(self, cookies: str | None) -> tuple[str, str | None]:
        """Another checkout of the same visitor."""
        visitor = _visitor(cookies)
        with self._lock:
            if visitor is None or visitor not in self._sessions:
                return self._welcome()
            self._sessions[visitor] = _session_id()
            return self._sessions[visitor], None

    def _welcome(self) -> tuple[str, str]:
        visitor = secrets.token_urlsafe(32)
        self._sessions[visitor] = _session_id()
        while len(self._sessions) > VISITORS_KEPT:
            self._sessions.popitem(last=False)
        # A shop on the Internet adds `Secure`; this one is on plain http on the loopback interface.
        return self._sessions[visitor], f"{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Strict"


def _session_id() -> str:
    return f"checkout-{secrets.token_hex(8)}"


def _visitor(cookies: str | None) -> str | None:
    try:
        found = SimpleCookie(cookies or "").get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value
