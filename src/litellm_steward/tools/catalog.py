"""Every tool there is, in the order an agent reads them."""

from __future__ import annotations

from litellm_steward.tools.view import ToolSpec

CATALOG: tuple[ToolSpec, ...] = ()
