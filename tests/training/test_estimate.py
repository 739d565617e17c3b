"""What a few times say of all, by hand."""

from __future__ import annotations

from cifarcnn.training.estimate import Duration, Timings, ending, exactly


def test_the_mean_is_over_pieces_and_the_range_is_the_middle_half():
    times = Timings()
    for count, seconds in [(1, 1.0), (2, 4.0), (1, 3.0), (4, 16.0), (2, 10.0)]:
        times.add(count, seconds)
    assert (len(times), times.count, times.seconds) == (5, 10, 34.0)
    # Of 1, 2, 3, 4, 5 the quartiles are 2 and 4.
    assert times.of_each() == Duration(3.4, 2.0, 4.0)


def test_the_mean_lies_within_its_range():
    times = Timings()
    for seconds in [1.0, 1.0, 1.0, 1.0, 96.0]:
        times.add(1, seconds)
    assert times.of_each() == Duration(20.0, 1.0, 20.0)


def test_a_single_time_has_no_range():
    times = Timings()
    times.add(4, 2.0)
    assert times.of_each() == exactly(0.5)


def test_durations_add_up():
    both = Duration(2.0, 1.0, 4.0).times(3).plus(exactly(1.0))
    assert both == Duration(7.0, 4.0, 13.0)


def test_on_jax_the_files_take_longer():
    validation = exactly(1.0)
    assert ending("jax", validation).seconds > ending("tensorflow", validation).seconds
