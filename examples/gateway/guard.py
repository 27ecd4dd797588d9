"""Stops a gateway when the process that wanted it is gone.

Run as `python -m examples.gateway.guard RUN_FOLDER [OWNER]`, detached. While the gateway is being started it watches
the starter; if there is an owner it watches that for as long as the gateway runs. With nothing left to watch it ends.
"""

import sys
import time
from pathlib import Path

from .gateway import stop
from .processes import Watched
from .runs import Run

INTERVAL = 0.3


def watch(run: Run, owner: Watched | None) -> None:
    """Return when there is nothing left to watch, having stopped the gateway if nobody wants it any more."""
    while True:
        time.sleep(INTERVAL)
        if owner is not None and not owner.alive():
            stop(run)
            return
        if run.claim.exists():
            if run.starter() is None:
                run.claim.unlink(missing_ok=True)
                stop(run)
                return
        elif owner is None or run.proxy() is None:
            return


def main(arguments: list[str]) -> None:
    """Read the command line and watch."""
    folder = Path(arguments[0])
    owner = Watched.parse(arguments[1]) if len(arguments) > 1 else None
    watch(Run(folder.parent, int(folder.name.removeprefix("run-"))), owner)


if __name__ == "__main__":
    main(sys.argv[1:])
