"""What a sweep has used over all of its runs, and the limit of its YAML that ends it.

The limits themselves are compared in `study.usage`; this adds the run that is under way. Try
`SweepLimits(config.budget, usage(study.runs(), study.trials()), context).reached(n_failed=0)`.
"""

from __future__ import annotations

from sweepkit.config.schema import Budget
from sweepkit.driver.context import DriverContext
from sweepkit.study.usage import Usage, exhausted_limit


class SweepLimits:
    """The limits of a sweep, and what counts towards them.

    Attributes:
        n_epochs: reported so far, earlier runs included; the controller counts on.
    """

    def __init__(self, budget: Budget, before: Usage, context: DriverContext) -> None:
        self._budget, self._before, self._context = budget, before, context
        self._started = context.clock()
        self.n_epochs = before.epochs

    def elapsed_s(self) -> float:
        """Return for how long this run has lasted."""
        return self._context.clock() - self._started

    def usage(self) -> Usage:
        """Return what the sweep has used, earlier runs included."""
        elapsed, before = self.elapsed_s(), self._before
        # a worker costs from the first trial to the last, busy or not, which is what a cluster bills
        worker_seconds = before.worker_seconds + elapsed * self._context.n_workers
        return Usage(before.seconds + elapsed, worker_seconds, self.n_epochs)

    def reached(self, *, n_failed: int) -> str | None:
        """Return why the sweep must end: too many failures, a budget, or another driver; None if it may continue."""
        # > here, >= for budgets: failures are a number that is allowed, a budget is an amount that can be spent
        if n_failed > self._budget.failures:
            return f"{n_failed} trials failed, more than budget.failures: {self._budget.failures} allows"
        return exhausted_limit(self._budget, self.usage()) or self._context.lost()
