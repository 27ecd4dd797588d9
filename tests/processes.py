"""What a process under test is given of the developer's environment."""

from __future__ import annotations

import os
from typing import Final

LEFT_OUT: Final = ("LITELLM_", "STEWARD_", "PYTHONDONTWRITEBYTECODE")


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment of this process and the settings, but none of the developer's own configuration.

    Bytecode may be kept: compiling the dependencies anew makes each start four times as long.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    return {**kept, **settings}
