"""What a job will cost is looked at only as far as it matters."""

from __future__ import annotations

from newral_coordinator.jobs import Funds, foreseeable_cost
from newral_coordinator.policy import Policy
from newral_kernels import registry
from newral_kernels.kernel import Kernel
from newral_spec.messages import Stage

POLICY = Policy()


class CountingKernels:
    """The kernels there are; counts how often one is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, name: str, version: str | None = None) -> Kernel:
        self.asked += 1
        return registry.get(name, version)

    def names(self) -> tuple[str, ...]:
        return registry.names()

    def identity(self, kernel: Kernel) -> str:
        return registry.identity(kernel)


def stages(count: int, bound: str) -> tuple[Stage, ...]:
    params = registry.get("carmichael").validate({"bound": bound})
    return tuple(Stage(id=f"s{i}", kernel="carmichael", params=params) for i in range(count))


def test_all_stages_count_while_they_can_be_paid() -> None:
    one = registry.get("carmichael").estimate({"start": "1", "bound": "1000"}).cost_s
    assert foreseeable_cost(stages(3, "1000"), registry, POLICY, POLICY.grant) == 3 * one


def test_nothing_is_estimated_beyond_what_can_be_paid() -> None:
    kernels = CountingKernels()
    cost_s = foreseeable_cost(stages(32, "10^14"), kernels, POLICY, POLICY.unit_price(4.0))
    assert kernels.asked == 1
    assert POLICY.unit_price(cost_s) > POLICY.unit_price(4.0)


def test_the_most_that_a_job_may_cost_is_its_bid_or_what_the_account_has() -> None:
    assert Funds(available=5, granted=True).most(None, POLICY) == 5
    assert Funds(available=5, granted=True).most(9, POLICY) == 5
    assert Funds(available=5, granted=False).most(None, POLICY) == 5 + POLICY.grant
    assert Funds(available=5, granted=False).most(9, POLICY) == 9
