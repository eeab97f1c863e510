"""Proofs of a session: JWTs from a merchant's backend or its OIDC issuer, verified under the merchant's trust policy.

    verification      what the authorizer calls
    outcomes          how a verification can end
    compact, claims   what a JWT says before, and what it must say after its signature was checked
    keys              the key that a JWT is held against, and the algorithm that goes with it
    signing_keys      HS256 keys, from Secrets Manager
    jwks, key_set     an issuer's public keys: how long they are kept, and which of them count
    fetching, public_addresses   how they are fetched, and from where never

It is packaged with this one function: the shared layer stays free of compiled code.
"""
