"""Define the error that stops a measurement."""


class CannotMeasureError(Exception):
    """Report that something is missing, or that a response was unexpected. The text says what to do."""
