"""The catalog of bad weather: each fault, and what a tool has to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.faults import weather
from tests.faults.relay import Act
from tests.faults.spoiling import SPOILT_ANSWERS
from tests.faults.weather import says

HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
SECRET: Final = "sk-secret-of-the-weather-0123456789"
"""Stands in error texts; no answer may repeat it."""


@dataclass(frozen=True)
class Fault:
    """``says``: what an error has to say, as a pattern. ``lost``: a write's outcome is unknown after it.

    ``tolerable``: an answer may be whole all the same, because what was spoilt is not read.
    """

    name: str
    act: Act
    says: str
    lost: bool = False
    tolerable: bool = False
    passes: bool = False
    """The real proxy is asked, and its answer spoilt."""

    refuses: bool = False
    """Nothing is listening at all."""

    @property
    def waits(self) -> bool:
        """Whether it takes the whole time that a call may take."""
        return self.says == TIMED_OUT


def _error(message: str, kind: str = "None", code: str = "500") -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": "None", "code": code}}


TIMEOUT: Final = 3.0
"""STEWARD_TIMEOUT where a proxy hangs."""

TIMED_OUT: Final = rf"The proxy did not answer \S+ \S+ within {TIMEOUT:g} s"
BROKE: Final = r"The connection broke before .* was answered"
ODD: Final = r"was answered (?:in a form the steward does not know|with )"
LIMITED: Final = r"The proxy limits our requests \(HTTP 429\)"
FAILED: Final = r"The proxy failed on \S+ \S+ \(HTTP 500\)"

CONNECTION: Final = (
    Fault(
        "refused",
        weather.hang,
        r"No connection to the LiteLLM proxy at \S+ \(connection refused\)\. Is it running",
        refuses=True,
    ),
    Fault("silence", weather.hang, TIMED_OUT, lost=True),
    Fault("reset", weather.reset, BROKE, lost=True),
    Fault("closed without a word", weather.hang_up, BROKE, lost=True),
    Fault("reset in the body", weather.reset_in_the_body, BROKE, lost=True),
    Fault("cut short", weather.cut_short, BROKE, lost=True),
    Fault("cut in a chunk", weather.cut_a_chunk, BROKE, lost=True),
    Fault("a drip", weather.drip, TIMED_OUT, lost=True),
    Fault("a drip of headers", weather.drip_the_head, TIMED_OUT, lost=True),
    Fault("not HTTP", weather.speak_something_else, f"{BROKE}|invalid HTTP", lost=True),
    Fault("a flood of headers", weather.flood_with_headers, f"{BROKE}|invalid HTTP", lost=True),
)
LIMITS: Final = (
    Fault("429", says(429, {"detail": "slow down"}), LIMITED),
    Fault("429 for a minute", says(429, {"detail": "slow down"}, Retry_After="60"), rf"{LIMITED}.*wait 60 s"),
    Fault("429 until a date", weather.limit_until, rf"{LIMITED}.*wait (?:59|60) s"),
    Fault("429 for no time", says(429, {"detail": "x"}, Retry_After="Mon, 01 Jan 99999999999999 0:0:0 GMT"), LIMITED),
    Fault("429 for infinity", says(429, {"detail": "x"}, Retry_After="inf"), LIMITED),
)
ERRORS: Final = (
    Fault("500 in an error", says(500, _error(f"It broke with {SECRET}")), FAILED, lost=True),
    Fault("500 in a repr", says(500, _error("{'error': 'It broke'}")), rf"{FAILED}: 'It broke'", lost=True),
    Fault("500 as a detail", says(500, {"detail": "It broke"}), rf"{FAILED}: 'It broke'", lost=True),
    Fault("500 in a detail", says(500, {"detail": {"error": "It broke"}}), rf"{FAILED}: 'It broke'", lost=True),
    Fault("500 with a traceback", says(500, _error("Boom\nTraceback (most recent call last):\n x")), FAILED, lost=True),
    Fault("500 as text", says(500, b"Internal Server Error", "text/plain"), FAILED, lost=True),
    Fault("500 without a word", says(500, b""), FAILED, lost=True),
    Fault("problem+json", says(500, {"title": "It broke", "status": 500}), rf"{FAILED}: 'It broke'", lost=True),
    Fault("422", says(422, {"detail": [{"loc": ["body", "x"], "msg": "odd", "type": "t"}]}), r"rejected .*'x: odd'"),
    Fault(
        "401",
        says(401, _error("Authentication Error, Invalid API key")),
        "refused our admin key.*Correct LITELLM_MASTER",
    ),
    Fault("403", says(403, {"detail": "not allowed"}), r"admin key may not do this.*LITELLM_MASTER_KEY should be"),
    Fault(
        "a lost database",
        says(503, _error("No DB", "no_db_connection")),
        r"The proxy has no database connection: 'No DB'",
        lost=True,
    ),
    Fault("a licence", says(403, {"detail": "for LiteLLM Enterprise users"}), "wants a LiteLLM Enterprise licence"),
    Fault("502 in HTML", says(502, HTML, "text/html"), r"failed on .* \(HTTP 502\): '502 Bad Gateway", lost=True),
    Fault("503", says(503, b"upstream connect error", "text/plain"), r"failed on .* \(HTTP 503\)", lost=True),
    Fault("504 empty", says(504, b""), r"failed on .* \(HTTP 504\)", lost=True),
)
BODIES: Final = (
    Fault("HTML", says(200, HTML, "text/html"), "HTML page instead of JSON; is LITELLM_BASE_URL", lost=True),
    Fault("broken JSON", says(200, b'{"data": [{'), "broken JSON instead of JSON", lost=True),
    Fault("nothing", says(200, b""), "nothing instead of JSON", lost=True),
    Fault("204", says(204, b""), "nothing instead of JSON", lost=True),
    Fault("invalid UTF-8", says(200, b'{"data": "\xff\xfe\xc0"}'), ODD, lost=True),
    Fault("a list", says(200, []), ODD, lost=True),
    Fault("a number", says(200, 42), ODD, lost=True),
    Fault("null", says(200, None), ODD, lost=True),
    Fault("an empty object", says(200, {}), ODD, lost=True),
    Fault("depth", says(200, b'{"a":' * 100_000), "broken JSON instead of JSON", lost=True),
    Fault("depth, large", says(200, b"[" * 2_000_000), "broken JSON instead of JSON", lost=True),
    Fault("an unknown encoding", says(200, b"{}", Content_Encoding="br"), "Content-Encoding", lost=True),
    Fault("no gzip", says(200, b"{}", Content_Encoding="gzip"), "invalid HTTP", lost=True),
)
REFUSED_AT_ONCE: Final = (
    Fault("300 MB announced", weather.announce_much, "more than 48 MB", lost=True),
    Fault("a bomb in a bomb", weather.gzip_twice, "Content-Encoding", lost=True),
)
READ_IN_VAIN: Final = (
    Fault("300 MB", weather.pour, "more than 48 MB", lost=True),
    Fault("300 MB of error", weather.pour_an_error, "more than 48 MB", lost=True),
    Fault("a bomb", weather.gzip_bomb, "unpacks without end|more than 48 MB", lost=True),
)
SPOILT: Final = tuple(
    Fault(name, act, ODD, lost=True, tolerable=True, passes=True) for name, act in SPOILT_ANSWERS.items()
)
FAULTS: Final = (*CONNECTION, *LIMITS, *ERRORS, *BODIES, *SPOILT)
FEW: Final = ("reset", "429 for a minute", "500 in a repr", "a lost database", "502 in HTML", "HTML", "nulls")
"""Those that the older release is tried with as well."""


def redirecting(elsewhere: str) -> Fault:
    """To a host of somebody else's, who would like to see the key."""
    return Fault("a redirect", says(307, b"", Location=f"{elsewhere}/login"), r"redirect \(HTTP 307\)", lost=True)
