"""Measure what a cold start costs (`make bench`). docs/performance.md explains the figures."""
