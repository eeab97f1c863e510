"""Read from DynamoDB without botocore, which takes most of a cold start to import.

Before a change, read `docs/decisions/0040-a-fast-read.md`.
"""
