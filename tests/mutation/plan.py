"""Which tests must notice a change in which module of the layer: the fast ones that are about it."""

_STORE = ("tests/integration/store/**/test_*.py",)
_ISSUING = (
    "tests/unit/tokens/test_shop_token.py",
    "tests/unit/tokens/test_session_token.py",
    "tests/unit/tokens/test_standing_token.py",
    "tests/unit/tokens/test_single_flight.py",
    "tests/unit/tokens/test_mint.py",
    "tests/unit/tokens/test_mint_quota.py",
    "tests/unit/tokens/test_refused_credentials.py",
    "tests/unit/tokens/test_daily_recheck.py",
    "tests/unit/tokens/test_cache.py",
    "tests/unit/lifecycle/test_worker.py",
    "tests/unit/test_killed.py",
    "tests/unit/domain/test_events.py",
    "tests/unit/tokens/test_token_record.py",
    "tests/unit/tokens/test_succession.py",
    "tests/unit/tokens/test_quota.py",
    "tests/unit/lifecycle/test_rotat*.py",
)
#: What each provider's client sends, and what it makes of the documented answers.
_EXCHANGES = ("tests/contract/test_client_exchanges.py", "tests/unit/http/test_responses.py")
_CLIENTS = (*_EXCHANGES, "tests/unit/test_wiring.py")
_SHOPIFY = (
    "tests/unit/providers/test_shopify_*.py",
    "tests/unit/repository/test_representations.py",
    *_EXCHANGES,
)

_CLOCK = (
    "tests/unit/lifecycle/test_worker.py",
    "tests/unit/lifecycle/test_migrate.py",
    "tests/unit/test_killed.py",
    "tests/unit/tokens/test_succession.py",
    "tests/unit/tokens/test_revoke.py",
    "tests/unit/lifecycle/test_rotat*.py",
    "tests/unit/lifecycle/test_reconcile.py",
)

#: A module of the layer, without its ending, and its tests' files; a name may be a pattern.
PLAN: dict[str, tuple[str, ...]] = {
    "bounded_cache": ("tests/unit/test_bounded_cache.py",),
    "metric_lines": ("tests/unit/test_metric_lines.py",),
    "http/responses": ("tests/unit/http/test_responses.py",),
    "aws/fast_reads/connection": ("tests/contract/fast_reads/test_*.py",),
    "aws/fast_reads/credentials": (
        "tests/contract/fast_reads/test_credentials_endpoint.py",
        "tests/unit/aws/fast_reads/test_credentials.py",
    ),
    "aws/fast_reads/reads": ("tests/contract/fast_reads/test_*.py", "tests/unit/aws/fast_reads/test_*.py"),
    "aws/fast_reads/signing": ("tests/unit/aws/fast_reads/test_*.py",),
    "aws/store/attributes": ("tests/unit/aws/test_attributes.py",),
    "aws/store/documents": (
        "tests/integration/store/test_policies.py",
        "tests/integration/store/test_rotation_settings.py",
    ),
    "aws/store/items": _STORE,
    "aws/store/leases": _STORE,
    "aws/store/mint_quotas": ("tests/integration/store/test_mint_quotas.py",),
    "domain/mint_quota": ("tests/unit/domain/test_mint_quota.py", "tests/integration/store/test_mint_quotas.py"),
    "aws/store/outbox_items": (
        "tests/integration/lifecycle/test_outbox.py",
        "tests/integration/store/test_events_and_history.py",
        "tests/integration/entrypoints/test_sample_events.py",
    ),
    "aws/store/reconciliations": (
        "tests/integration/store/pending/test_reconciliations.py",
        "tests/integration/store/pending/test_due_index.py",
    ),
    "aws/store/records": _STORE,
    "aws/store/rotations": (*_STORE, "tests/integration/lifecycle/test_pending_work.py"),
    "aws/store/sessions": _STORE,
    "aws/store/table": (
        *_STORE,
        "tests/unit/aws/test_table.py",
        "tests/integration/lifecycle/test_outbox.py",
    ),
    "aws/store/schedule": (*_STORE, "tests/integration/lifecycle/test_pending_work.py"),
    "aws/store/tokens": (*_STORE, "tests/integration/store/pending/test_reconciliations.py"),
    "tokens/close_session": ("tests/unit/tokens/test_close_session.py",),
    "tokens/inventory": (
        "tests/unit/lifecycle/test_reconcile.py",
        "tests/unit/tokens/test_list_tokens.py",
        "tests/unit/tokens/test_quota.py",
    ),
    "errors": (
        "tests/unit/test_errors.py",
        "tests/unit/entrypoints/test_api_gateway.py",
        "tests/unit/entrypoints/test_direct.py",
    ),
    "entrypoints/handler": ("tests/unit/entrypoints/test_*.py",),
    "http/client": ("tests/unit/http/test_*.py", "tests/unit/repository/test_representations.py"),
    "tokens/issue": _ISSUING,
    "lifecycle/work_handlers": _CLOCK,
    "lifecycle/worker": _CLOCK,
    "tokens/quota": ("tests/unit/tokens/test_quota.py",),
    "tokens/serve": ("tests/unit/tokens/test_serve.py",),
    "tokens/mint": _ISSUING,
    "tokens/succession": _ISSUING,
    "ports/documents": (
        "tests/unit/storefronts/test_change_policy.py",
        "tests/unit/lifecycle/test_rotation_settings.py",
    ),
    "providers/chicksx/client": ("tests/unit/providers/test_chicksx.py", *_CLIENTS),
    "providers/fourthwall/client": ("tests/unit/providers/test_fourthwall.py", *_CLIENTS),
    "providers/shopify/client": (*_SHOPIFY, "tests/unit/test_wiring.py"),
    "providers/shopify/admin_api": _SHOPIFY,
    "providers/shopify/rest": _SHOPIFY,
    "providers/shopify/graphql": _SHOPIFY,
    "providers/shopify/refusals": _SHOPIFY,
    "providers/shopify/admin_token": _SHOPIFY,
    "lifecycle/reconcile": (
        "tests/unit/lifecycle/test_reconcile.py",
        "tests/unit/tokens/test_quota.py",
        "tests/unit/test_killed.py",
    ),
    "http/redaction": ("tests/unit/http/test_redaction.py",),
    "tokens/revoke": (
        "tests/unit/tokens/test_revoke.py",
        "tests/unit/tokens/test_list_tokens.py",
        "tests/unit/test_killed.py",
    ),
    "lifecycle/rotate": (
        "tests/unit/lifecycle/test_rotat*.py",
        "tests/unit/lifecycle/test_worker.py",
        "tests/unit/test_killed.py",
        "tests/unit/tokens/test_quota.py",
        "tests/unit/tokens/test_token_record.py",
        "tests/unit/tokens/test_succession.py",
    ),
}
