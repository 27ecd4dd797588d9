"""The errors this package raises on purpose."""


class GatewayError(Exception):
    """What went wrong in one sentence, and what to do about it."""


class ExitedWhileStarting(GatewayError):
    """The proxy ended before it answered; on a busy machine it now and then does, and starts the next time."""
