"""The adapters to AWS. With `entry` and `telemetry` the only modules that know its SDK."""
