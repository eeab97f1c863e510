"""Web addresses as a trust policy takes them and as an attacker or a careless hand would write them."""

from collections.abc import Mapping
from typing import Any

_LABEL = "a" * 63
_LONG_NAME = ".".join([_LABEL] * 3)


def _by_address(refused: Mapping[str, str]) -> dict[str, str]:
    """Return what is said of each address, from all addresses of which it is said."""
    return {address: says for says, addresses in refused.items() for address in addresses.split()}


ORIGINS = (
    "https://shop.example",
    "https://www.shop.example",
    "https://shop.example:8443",
    "https://shop.example:80",
    "https://shop.example:1",
    "https://shop.example:65535",
    "https://shop.example.evil.com",  # well formed, and another origin than https://shop.example
    "https://xn--bcher-kva.example",
    "https://3.shop.example",
    "https://a-b.c--d.example",
    "https://intranet",
    "https://localhost",
    "https://203.0.113.7",
    "https://203.0.113.7:8443",
    "https://0.0.0.0",
    "https://255.255.255.255",
    "https://[::1]",
    "https://[::1]:8443",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost:443",
    "http://shop.localhost",
    "http://a.b.localhost:65535",
    "http://127.0.0.1",
    "http://127.0.0.1:5173",
    "http://127.255.255.255",
    "http://[::1]",
    "http://[::1]:3000",
    f"https://{_LABEL}.example",
    f"https://{_LABEL}.{'b' * 50}:65535",  # 128 characters
)

#: Each with a part of what its refusal says. Among them are a Cyrillic letter, an ideographic full stop, which browsers
#: take for a dot, a soft hyphen and a zero-width space.
NOT_ORIGINS = {
    **_by_address(
        {
            "Any sandboxed page sends 'null'": "null",
            "lower case": """
                NULL https://Shop.example https://SHOP.EXAMPLE HTTPS://shop.example Https://shop.example
            """,
            "without a wildcard": """
                * https://* https://*.example https://*.shop.example https://shop.* https://shop.example:*
            """,
            "begins with https://": """
                shop.example //shop.example https:shop.example https:/shop.example https:\\\\shop.example
                ftp://shop.example file:// file:///etc/passwd ws://shop.example data:text/html,x
                javascript://shop.example blob:https://shop.example chrome-extension://abcdefghijklmnop https
            """,
            "whose host is a name": """
                https:// https://:8443 https://shop%2eexample https://shop.example%00.evil.com https://shop.example,
                https://shop..example https://.shop.example https://-shop.example https://shop-.example
                https://my_shop.example https://127.1 https://127.0.0.01 https://0177.0.0.1 https://0x7f.0.0.1
                https://0x7f000001 https://2130706433 https://256.0.0.1 https://1.2.3.4.5 https://1.2.3 https://shop.1
                https://shop.0x1 https://[::2] https://[0:0:0:0:0:0:0:1] https://[2001:db8::1]
                https://[::ffff:127.0.0.1] https://[::1]evil.com https://[::1].evil.com:8443 https://[shop.example]
                https://[ https://] http://127.1 http://[::2] http://-.localhost http://.localhost
            """,
            "without ':443'": "https://shop.example:443 https://[::1]:443",
            "without ':80'": "http://localhost:80 http://[::1]:80",
            "whose port": """
                https://shop.example: https://shop.example:0 https://shop.example:00 https://shop.example:0443
                https://shop.example:08443 https://shop.example:65536 https://shop.example:99999
                https://shop.example:100000 https://shop.example:+8443 https://shop.example:-1
                https://shop.example:8443:8443 https://shop.example:https https://::1
            """,
            "without a dot at the end": """
                https://shop.example. https://shop.example.:8443 http://localhost. https://. https://127.0.0.1.
            """,
            "without a path": """
                https://shop.example/ https://shop.example:8443/ https://shop.example/login https://shop.example//
                https://shop.example/.. https:///shop.example https://shop.example? https://shop.example?a=b
                https://shop.example# https://shop.example#shop https://shop.example\\ https://shop.example\\.evil.com
                https://shop.example,https://evil.com
            """,
            "without a user's name": """
                https://user@shop.example https://user:password@shop.example https://shop.example@evil.com
                https://shop.example:443@evil.com https://@shop.example
            """,
            "xn-- form": """
                https://bücher.example https://sh\u043ep.example https://shop\u3002example https://\uff53hop.example
            """,
            "visible ASCII": """
                https://shop.example:\u0668443 https://shop\xad.example https://shop\u200b.example
            """,
            "Plain http is accepted for": """
                http://shop.example http://203.0.113.7 http://localhost.evil.com http://localhost.example
                http://evillocalhost http://localhost-evil http://127.0.0.1.nip.io http://127.evil.com
                http://128.0.0.1 http://126.255.255.255 http://10.0.0.1 http://0.0.0.0 http://shop.example:443
            """,
        }
    ),
    "": "an origin like https://shop.example",
    "https://shop.example ": "visible ASCII",
    " https://shop.example": "visible ASCII",
    "https://shop .example": "visible ASCII",
    "https://shop.example\n": "visible ASCII",
    "https://shop.example:8443\n": "visible ASCII",
    "https://shop.example\r\n": "visible ASCII",
    "\nhttps://shop.example": "visible ASCII",
    "https://shop.example\nhttps://evil.com": "visible ASCII",
    "https://shop.example https://evil.com": "visible ASCII",
    "https://sh\top.example": "visible ASCII",
    "https://shop.example\x00": "visible ASCII",
    "https://shop.example\x7f": "visible ASCII",
    "https://shop.example\u2028": "visible ASCII",
    f"https://{_LABEL}a.example": "whose host is a name",
    f"https://{_LABEL}.{'b' * 51}:65535": "1 to 128",
}

JWKS_URIS = (
    "https://login.example/.well-known/jwks.json",
    "https://login.example/",
    "https://login.example:443/jwks",
    "https://login.shop.example/jwks?tenant=shop&policy=a%20b",
    "https://login.example/jwks?",
    "https://xn--bcher-kva.example/jwks",
    "https://10.example/jwks",
    "https://login.example/@user/jwks",
    "https://login.example/a:b;c=d/(e)*'!$,~_-+",
    "https://localhost.example/jwks",
    "https://local.example/jwks",
    "https://internal.example/jwks",
    "https://evil.notlocal/jwks",
    # Names may lead anywhere, redirects anywhere else: that is for the fetch to refuse, where the address is known.
    "https://169.254.169.254.nip.io/jwks",
    "https://login.example/redirect?to=http://169.254.169.254/latest/meta-data/",
    "https://login.example//evil.com/jwks",
    f"https://{_LONG_NAME}.{'b' * 61}/jwks",  # a host of 253 characters
    "https://login.example/" + "k" * 1002,  # 1024 characters
)

NOT_JWKS_URIS = {
    **_by_address(
        {
            "begins with https://": """
                login.example/jwks //login.example/jwks /jwks https:login.example/jwks https:/login.example/jwks
                https:\\\\login.example\\jwks HTTPS://login.example/jwks http://login.example/jwks
                http://127.0.0.1:8123/jwks http://localhost/jwks ftp://login.example/jwks file:///var/task/app.py
                data:application/json,{}
            """,
            "full name": """
                https:// https:///login.example/jwks https://login.example?x https://login..example/jwks
                https://.login.example/jwks https://-login.example/jwks https://login_1.example/jwks
                https://*.example/jwks https://login%2eexample/jwks https://localhost/jwks https://login/jwks
                https://metadata/jwks https://127.0.0.1/jwks https://169.254.169.254/latest/meta-data/
                https://10.0.0.1/jwks https://203.0.113.7/jwks https://127.1/jwks https://2130706433/jwks
                https://0x7f000001/jwks https://0x7f.0.0.1/jwks https://127.0.0.0x1/jwks https://0177.0.0.1/jwks
                https://017700000001/jwks https://login.example.1/jwks https://[::1]/jwks
                https://[::ffff:169.254.169.254]/jwks https://[2001:db8::1]:443/jwks https://[fe80::1%25eth0]/jwks
                https://login.example\\.evil.com/jwks
            """,
            "with a path": "https://login.example https://login.example:443",
            "lower case": "https://Login.example/jwks https://LOGIN.EXAMPLE/jwks",
            "without a dot at the end": "https://login.example./jwks https://localhost./jwks",
            "public name": """
                https://issuer.localhost/jwks https://printer.local/jwks https://metadata.google.internal/jwks
                https://ip-10-0-0-1.ec2.internal:443/jwks
            """,
            "port 443": """
                https://login.example:/jwks https://login.example:80/jwks https://login.example:8443/jwks
                https://login.example:0443/jwks https://login.example:443:443/jwks https://login.example:22/jwks
            """,
            "without a user's name": """
                https://user@login.example/jwks https://user:password@login.example/jwks
                https://login.example@evil.com/jwks https://login.example:443@evil.com/jwks
                https://evil.com\\@login.example/jwks https://login.example\\@evil.com/jwks
            """,
            "without a fragment": """
                https://login.example/jwks#keys https://login.example/jwks# https://login.example#@evil.com/jwks
            """,
            "only URL characters": """
                https://login.example/jwks\\.. https://login.example/"jwks" https://login.example/{tenant}/jwks
                https://login.example/<jwks> https://login.example/jwks?a[]=b https://login.example/%
                https://login.example/%2 https://login.example/%zz
            """,
            "xn-- form": "https://bücher.example/jwks https://login\u3002example/jwks",
        }
    ),
    "": "an https address",
    f"https://{_LABEL}a.example/jwks": "full name",
    f"https://{_LONG_NAME}.{'b' * 62}/jwks": "full name",
    "https://login.example/jwks ": "visible ASCII",
    " https://login.example/jwks": "visible ASCII",
    "https://login.example/jwks\n": "visible ASCII",
    "https://login.example/jwks\r\nHost: evil.com": "visible ASCII",
    "https://login.example\t/jwks": "visible ASCII",
    "https://login.example/jw\x00ks": "visible ASCII",
    "https://login.example/jwks\u2028": "visible ASCII",
    "https://login.example/" + "k" * 1003: "1 to 1024",
}

OTHER_TYPES: tuple[Any, ...] = (
    None,
    True,
    1,
    1.5,
    [],
    {},
    ["https://shop.example"],
    {"origin": "https://shop.example"},
)
