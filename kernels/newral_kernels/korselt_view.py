"""The claims that hold, as a table."""

from __future__ import annotations

from collections.abc import Mapping

from newral_kernels.kernel import JSON
from newral_kernels.view import FactoredView, objects


class KorseltView(FactoredView):
    """Of the kernel `korselt`: what it finds are the claims that hold."""

    def count(self, answer: Mapping[str, JSON]) -> int:
        """The claims that hold."""
        return len(list(objects(answer, "items")))
