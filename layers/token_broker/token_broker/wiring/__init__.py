"""Put the parts of each function together."""
