"""The processes that the local stack runs in the background, and the record of them."""
