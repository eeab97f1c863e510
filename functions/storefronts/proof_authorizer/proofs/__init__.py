"""Verify proofs of a session or a client: JWTs from a merchant's backend or its OIDC issuer, under the trust policy.

    verification                 the authorizer's entry
    outcomes                     the results of a verification
    compact                      a JWT's header and claims before its signature is checked
    claims                       the checks of the claims after that
    keys                         the choice of the key, which has the algorithm
    key_cache                    the keys of merchants and issuers, each with its times
    signing_keys                 HS256 keys in Secrets Manager
    key_set                      an issuer's public keys, and the choice of usable ones
    fetching, public_addresses   the request for a key set, and the addresses that it may go to
    exchange                     the HTTP of that request

It is packaged with this function only, so the shared layer has no compiled code.
"""
