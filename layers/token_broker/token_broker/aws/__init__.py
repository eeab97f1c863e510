"""Adapt the ports to AWS. Only these modules and `telemetry` import an AWS SDK."""
