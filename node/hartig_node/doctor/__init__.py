"""The checks that `status`, `doctor` and `/readyz` share: each names what is wrong and what to do."""

from hartig_node.doctor.checks import Problem, judge

__all__ = ["Problem", "judge"]
