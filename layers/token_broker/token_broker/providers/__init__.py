"""The providers' contracts. Each module holds one provider's facts and its client; none knows another."""
