"""Pauses and rates."""

from __future__ import annotations

import pytest

from cifarcnn.data.fetching.retry_policy import RateMeter, RetryPolicy


@pytest.mark.parametrize(
    ("failures", "full"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)]
)
def test_pauses_double_up_to_a_limit_and_half_is_chance(failures, full):
    pauses = [RetryPolicy().pause(failures, None) for _ in range(200)]
    assert min(pauses) >= full / 2
    assert max(pauses) <= full
    assert max(pauses) - min(pauses) > full / 4


def test_a_pause_is_never_shorter_than_the_server_asked_for():
    pauses = [RetryPolicy().pause(1, 20.0) for _ in range(50)]
    assert min(pauses) >= 20


def test_the_rate_looks_back_over_its_window_only():
    meter = RateMeter(10, start=100)
    for second in range(101, 121):
        meter.add(1000, second)
    assert meter.rate(120) == pytest.approx(1000)
    for second in range(121, 141):
        meter.add(10, second)
    assert meter.rate(140) == pytest.approx(10)
    assert meter.rate(150) < 10


def test_a_rate_is_settled_after_one_window():
    meter = RateMeter(10, start=100)
    meter.add(5000, 105)
    assert meter.rate(105) == 1000
    assert not meter.is_settled(109)
    assert meter.is_settled(110)


def test_a_meter_stays_small():
    meter = RateMeter(10, start=0)
    for number in range(10_000):
        meter.add(1, number / 100)
    assert len(meter._marks) < 15
