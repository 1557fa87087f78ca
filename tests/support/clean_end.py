"""A process that is told to end clears away what it has made: processes, mounts, files."""

import signal

told_by = None  # the signal; None: nobody has told it to end


def end_cleanly_on_signals():
    """What would end this process at once becomes what SIGINT is already: an exception that passes every `except Exception`
    and every test, so that `finally` and atexit functions have their turn."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _end)


def _end(signum, _frame):
    global told_by
    told_by = signal.Signals(signum)
    raise KeyboardInterrupt(f"told to end by {signal.Signals(signum).name}")
