"""Check a deployed stack with its operator's own credentials: `make smoke` and `make smoke-destructive`.

`safe/` has the checks that change nothing, `destructive/` those that create and revoke tokens or disturb the stack. A
check is a function whose name is a sentence. docs/how-to/deploy.md is the operator's page.
"""
