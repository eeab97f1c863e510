"""The checks that read, or send what the API must refuse. They change nothing."""

from tests.smoke.safe import functions, gateway, operation, permissions, storage, storefront

CHECKS = (
    *functions.CHECKS,
    *storage.CHECKS,
    *operation.CHECKS,
    *permissions.CHECKS,
    *gateway.CHECKS,
    *storefront.CHECKS,
)
