"""Which tests must notice a change in which module of the layer: the fast ones that are about it."""

_STORE = ("tests/integration/test_store_*.py", "tests/integration/test_due.py")
_ISSUING = (
    "tests/unit/test_shop_token.py",
    "tests/unit/test_session_token.py",
    "tests/unit/test_standing_token.py",
    "tests/unit/test_single_flight.py",
    "tests/unit/test_lost_answers.py",
    "tests/unit/test_storing_refused.py",
    "tests/unit/test_refused_credentials.py",
    "tests/unit/test_daily_recheck.py",
    "tests/unit/test_memory.py",
    "tests/unit/test_maintaining.py",
    "tests/unit/test_killed.py",
    "tests/unit/test_token_events.py",
    "tests/unit/test_token_record.py",
    "tests/unit/test_waiting_for_another.py",
    "tests/unit/test_intentions.py",
    "tests/unit/test_adopting.py",
    "tests/unit/test_making_room.py",
    "tests/unit/test_rotat*.py",
)
_SHOPIFY = (
    "tests/unit/test_shopify_*.py",
    "tests/unit/test_shop_domain.py",
    "tests/unit/test_provider_answers.py",
)

_CLOCK = (
    "tests/unit/test_maintaining.py",
    "tests/unit/test_killed.py",
    "tests/unit/test_adopting.py",
    "tests/unit/test_revoke.py",
    "tests/unit/test_rotat*.py",
    "tests/unit/test_reconciling.py",
)

#: A module of the layer, without its ending, and its tests' files; a name may be a pattern.
PLAN: dict[str, tuple[str, ...]] = {
    "answers": ("tests/unit/test_provider_answers.py",),
    "aws/attributes": ("tests/unit/test_attributes.py",),
    "aws/items": _STORE,
    "aws/leases": _STORE,
    "aws/outbox_items": (
        "tests/integration/test_outbox.py",
        "tests/integration/test_store_telling.py",
        "tests/integration/test_events.py",
    ),
    "aws/reading": _STORE,
    "aws/reconciliations": ("tests/integration/test_store_reconciling.py", "tests/integration/test_due.py"),
    "aws/records": _STORE,
    "aws/revocations": _STORE,
    "aws/rotations": (*_STORE, "tests/integration/test_maintenance.py"),
    "aws/sessions": _STORE,
    "aws/table": (
        *_STORE,
        "tests/unit/test_table_reads.py",
        "tests/integration/test_outbox.py",
        "tests/integration/test_dispatch_cursor.py",
    ),
    "aws/unfinished": _STORE,
    "closing": ("tests/unit/test_closing.py",),
    "comparing": (
        "tests/unit/test_reconciling.py",
        "tests/unit/test_list_tokens.py",
        "tests/unit/test_making_room.py",
    ),
    "errors": ("tests/unit/test_errors.py", "tests/unit/test_api_door.py", "tests/unit/test_direct_door.py"),
    "http": ("tests/unit/test_http_*.py", "tests/unit/test_provider_answers.py"),
    "issuing": _ISSUING,
    "maintaining": _CLOCK,
    "making_room": ("tests/unit/test_making_room.py",),
    "minting": _ISSUING,
    "providers/chicksx": ("tests/unit/test_chicksx.py", "tests/unit/test_provider_answers.py"),
    "providers/fourthwall": ("tests/unit/test_fourthwall.py", "tests/unit/test_provider_answers.py"),
    "providers/shopify": _SHOPIFY,
    "providers/shopify_admin_token": _SHOPIFY,
    "reconciling": ("tests/unit/test_reconciling.py", "tests/unit/test_making_room.py", "tests/unit/test_killed.py"),
    "redaction": ("tests/unit/test_redaction.py",),
    "revoking": ("tests/unit/test_revoke.py", "tests/unit/test_list_tokens.py", "tests/unit/test_killed.py"),
    "rotating": (
        "tests/unit/test_rotat*.py",
        "tests/unit/test_maintaining.py",
        "tests/unit/test_killed.py",
        "tests/unit/test_making_room.py",
        "tests/unit/test_token_record.py",
        "tests/unit/test_adopting.py",
    ),
}
