"""What stops a measurement."""


class CannotMeasureError(Exception):
    """Something is missing, or an answer was not the expected one; the text says what to do."""
