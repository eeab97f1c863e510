"""Stand-ins for everything that the product reaches through a port; each keeps to the port's rules in memory."""
