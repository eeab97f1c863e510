"""Identify visitors by a secret in an HttpOnly cookie, and keep their checkout sessions."""

import secrets
import threading
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie

# Cookies ignore ports, so the name must differ from those of other demos on this machine.
COOKIE = "token_broker_demo_visitor"
#: The oldest visitor beyond this number is deleted.
VISITORS_KEPT = 1000


class Visitors:
    """Keep the visitors in memory. After a restart, every visitor is new."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def session_of(self, cookies: str | None) -> tuple[str, str | None]:
        """Return the visitor's session, and for a new visitor the `Set-Cookie` header."""
        visitor = _visitor(cookies)
        with self._lock:
            known = self._sessions.get(visitor or "")
            return (known, None) if known is not None else self._welcome()

    def new_session(self, cookies: str | None) -> tuple[str, str | None]:
        """Begin another checkout of the same visitor."""
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
        # A shop on the Internet adds `Secure`. This one uses plain http on the loopback interface.
        return self._sessions[visitor], f"{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Strict"


def _session_id() -> str:
    return f"checkout-{secrets.token_hex(8)}"


def _visitor(cookies: str | None) -> str | None:
    try:
        found = SimpleCookie(cookies or "").get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value
