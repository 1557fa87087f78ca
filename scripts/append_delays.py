"""How long after the leader's append a batch is in a follower's file: the file is watched by inotify, and the batch's time is the
leader's (message.timestamp.type=LogAppendTime). Its clock ticks in whole milliseconds, so a delay is told up to 1 ms too large."""

import ctypes
import multiprocessing
import os
import select
import struct
import time

BATCH_OVERHEAD, MAX_TIMESTAMP_AT = 12, 35
IN_MODIFY = 2
EVENT = struct.Struct("iIII")


def newest_log(partition_dir):
    return max(partition_dir.glob("*.log"))


def percentile(values, percent):
    return sorted(values)[len(values) * percent // 100]


class _Tail:
    """What is appended to one log from now on."""

    def __init__(self, path):
        self._log = open(path, "rb", buffering=0)
        self._position, self._rest = self._log.seek(0, os.SEEK_END), b""

    def take(self, now, seen):
        chunk = os.pread(self._log.fileno(), 1 << 20, self._position)
        self._position += len(chunk)
        rest = self._rest + chunk
        while len(rest) >= MAX_TIMESTAMP_AT + 8:
            length = struct.unpack_from(">i", rest, 8)[0]
            if length <= 0 or len(rest) < BATCH_OVERHEAD + length:
                break
            seen.append(now - struct.unpack_from(">q", rest, MAX_TIMESTAMP_AT)[0])
            rest = rest[BATCH_OVERHEAD + length:]
        self._rest = rest


def _watch(paths, seconds, result):
    libc = ctypes.CDLL(None, use_errno=True)
    notifier = libc.inotify_init1(os.O_CLOEXEC)
    tails = {}
    for path in paths:
        watched = libc.inotify_add_watch(notifier, os.fsencode(path), IN_MODIFY)
        if watched < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {path}")
        tails[watched] = _Tail(path)
    seen, until = [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([notifier], [], [], left)[0]:
            break
        events = os.read(notifier, 1 << 16)
        now, at = time.time() * 1000, 0
        changed = set()
        while at < len(events):
            watched, _, _, name_bytes = EVENT.unpack_from(events, at)
            at += EVENT.size + name_bytes
            changed.add(watched)
        for watched in changed:
            tails[watched].take(now, seen)
    result.put(seen)


def append_delays(paths, seconds):
    """Milliseconds, of each batch that arrives in one of the logs within that time; in a process of its own."""
    result = multiprocessing.Queue()
    watcher = multiprocessing.Process(target=_watch, args=(paths, seconds, result), daemon=True)
    watcher.start()
    seen = result.get(timeout=seconds + 60)
    watcher.join()
    if not seen:
        raise SystemExit(f"nothing arrived in {paths[0]} within {seconds} s")
    return seen
