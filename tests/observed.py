"""The steward's command line, with its OpenTelemetry spans written to a file.

``python -m tests.observed`` is run where a test wants to see all that leaves a process. ``TEST_LEAKS`` puts
leaks in on purpose, to see that the search finds them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

SPANS = "TEST_SPANS"
LEAKS = "TEST_LEAKS"


def export_spans(path: Path) -> None:
    """Each span as it ends, with its attributes, events and exceptions."""
    provider = TracerProvider(resource=Resource({}))  # not this machine's
    exporter = ConsoleSpanExporter(out=path.open("a", encoding="utf-8"))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def main() -> None:
    export_spans(Path(os.environ[SPANS]))
    if os.environ.get(LEAKS):
        from tests import leaks

        leaks.put_in(os.environ[LEAKS].split(","))
    from litellm_steward.cli import cli

    sys.exit(cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
