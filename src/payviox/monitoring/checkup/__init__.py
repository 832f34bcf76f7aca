"""A look at the whole installation: what is well, what is not, and what to do about it. Nothing is
changed, and no money moves."""

from payviox.monitoring.checkup.examination import examine
from payviox.monitoring.checkup.finding import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
