"""Measure what a cold start costs (`make bench`). docs/explanation/start-up-time.md explains the figures."""
