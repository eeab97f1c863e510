"""Mutation testing: the code is changed in small ways, and the tests must notice.

`docs/explanation/mutation-testing.md` explains it.
"""
