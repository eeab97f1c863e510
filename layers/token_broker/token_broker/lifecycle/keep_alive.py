"""Keep the refresh tokens of unused pairs alive, and continue migrations."""

from token_broker.domain.credential_pair import MerchantState, PairRecord
from token_broker.domain.delays import DAY
from token_broker.errors import MerchantNotFound, ReauthorizationRequired
from token_broker.ports.provider import Provider
from token_broker.tokens.call import Call
from token_broker.tokens.sign_in import SignIn


def keep_alive(call: Call[Provider], record: PairRecord) -> int | None:
    """Renew an unused pair, or continue a migration, and return when to come back (Unix seconds).

    Does nothing if the merchant's secret is gone or needs no pair. While the merchant must authorize the app again, the
    state is reported once a day.
    """
    try:
        account = call.account(record.merchant, fresh=True)
    except MerchantNotFound:
        call.store.pairs.cancel(record)
        return None
    if account.origin:
        signing = SignIn(call, account)
        try:
            signing.renew()
        except ReauthorizationRequired:
            if record.state is MerchantState.REAUTHORIZATION_REQUIRED:
                signing.report_refusal(record)
            return int(call.clock.now()) + DAY
    call.store.pairs.cancel(record)  # does nothing if a renewal has moved the due time
    return None
