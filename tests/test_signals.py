from __future__ import annotations

import os
import signal
import threading

from cifarcnn.signals import ending_signals_handled


def test_the_first_signal_is_remembered_and_the_second_acts_at_once():
    received: list[int] = []
    with ending_signals_handled(received.append):
        assert received == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGINT)
    with ending_signals_handled(print):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        received: list[int] = []
        with ending_signals_handled(received.append):
            os.kill(os.getpid(), signal.SIGINT)
            assert received == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_is_watched():
    handlers = []

    def look() -> None:
        with ending_signals_handled(print):
            handlers.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [before]
