"""Call every operation of the local stack, and show each for a person (`make demo`)."""
