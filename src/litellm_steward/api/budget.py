"""Budget fields that keys, users, teams and customers share."""

from __future__ import annotations

from litellm_steward.api.wire import Count, Moment, Rows, Wire


class BudgetTable(Wire):
    """A row of ``LiteLLM_BudgetTable``: a customer's budget lives here, a key's may."""

    budget_id: str | None = None
    max_budget: float | None = None
    budget_duration: str | None = None
    budget_reset_at: Moment | None = None
    rpm_limit: Count | None = None
    tpm_limit: Count | None = None
    max_parallel_requests: Count | None = None


class BudgetWindow(Wire):
    """One entry of ``budget_limits``."""

    budget_duration: str = ""
    max_budget: float = 0
    reset_at: Moment | None = None


class OwnBudgets(Wire):
    """The budgets that bind one key alone."""

    max_budget: float | None = None
    budget_id: str | None = None
    budget_limits: Rows[BudgetWindow] = []
    litellm_budget_table: BudgetTable | None = None

    @property
    def has_budget(self) -> bool:
        """An amount, several windows, or a shared row that sets an amount (or is not shown)."""
        shared = self.litellm_budget_table
        by_row = shared.max_budget is not None if shared else self.budget_id is not None
        return self.max_budget is not None or bool(self.budget_limits) or by_row


class Budgeted(Wire):
    """A row with a budget. ``spend`` is USD in the current budget window, booked with a lag."""

    spend: float = 0
    max_budget: float | None = None
    budget_duration: str | None = None
    budget_reset_at: Moment | None = None
    rpm_limit: Count | None = None
    tpm_limit: Count | None = None
    max_parallel_requests: Count | None = None
