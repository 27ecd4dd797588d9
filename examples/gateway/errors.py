"""The errors this package raises on purpose."""


class GatewayError(Exception):
    """What went wrong in one sentence, and what to do about it."""
