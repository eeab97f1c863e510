"""Talk to the providers. Each provider's modules have its contract and its client, and import no other provider's."""
