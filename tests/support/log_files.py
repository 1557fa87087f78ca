"""Reading the files of a partition: ours and Kafka's have one format."""

import os
import pathlib

BATCH_OVERHEAD = 12  # base offset and length, the two fields that the length does not count
BATCH_HEADER = 61
LAST_OFFSET_DELTA_AT = 23


def read_log(partition_dir):
    """All segments of one partition, one after the other."""
    if not partition_dir.exists():
        raise AssertionError(f"no directory {partition_dir}")
    return b"".join(path.read_bytes() for path in sorted(partition_dir.glob("*.log")))


def read_swapped(partition_dir):
    """The same as a start finds it that finishes a compaction: what waits for its name is in the place of what it was
    made of."""
    segments = {int(path.stem): path.read_bytes() for path in partition_dir.glob("*.log")}
    for path in sorted(partition_dir.glob("*.log.swap")):
        base, log = int(path.name.split(".")[0]), path.read_bytes()
        end = max([base] + [last_offset(log[at:at + BATCH_HEADER]) for at, _, _ in batches(log)])
        segments = {old: kept for old, kept in segments.items() if not base <= old <= end} | {base: log}
    return b"".join(log for _, log in sorted(segments.items()))


def base_offset(log):
    return int.from_bytes(log[:8], "big")


def last_offset(batch):
    return base_offset(batch) + int.from_bytes(batch[LAST_OFFSET_DELTA_AT:LAST_OFFSET_DELTA_AT + 4], "big")


def batches(log):
    """(position, base offset, size) of every record batch; ends where a writer has grown its file ahead with zeros."""
    at = 0
    while at + BATCH_OVERHEAD <= len(log) and (length := int.from_bytes(log[at + 8:at + 12], "big")):
        yield at, base_offset(log[at:at + 8]), BATCH_OVERHEAD + length
        at += BATCH_OVERHEAD + length


def position_of_batch(log, offset):
    """Where the first batch begins that holds `offset` or a later one."""
    return next((at for at, _, _ in batches(log) if last_offset(log[at:at + BATCH_HEADER]) >= offset), len(log))


def copied_end_offset(partition_dir):
    """The offset after the last batch there, also while a follower writes it; 0 when there is none."""
    segments = sorted(pathlib.Path(partition_dir).glob("*.log"))
    if not segments:
        return 0
    end = int(segments[-1].stem)
    with open(segments[-1], "rb") as log:
        while len(header := log.read(BATCH_HEADER)) == BATCH_HEADER and (length := int.from_bytes(header[8:12], "big")):
            end = last_offset(header) + 1
            log.seek(BATCH_OVERHEAD + length - BATCH_HEADER, os.SEEK_CUR)
    return end


def copied_end_offsets(log_dir, topic):
    """By partition number, of those that are there; not of what is on its way in or out (-future, -delete)."""
    numbers = sorted(int(number) for directory in pathlib.Path(log_dir).glob(f"{topic}-*")
                     if (number := directory.name.removeprefix(f"{topic}-")).isdigit())
    return [copied_end_offset(pathlib.Path(log_dir) / f"{topic}-{number}") for number in numbers]


def directory_bytes(path):
    """Of the .log files below it, some of which may be deleted meanwhile."""
    size = 0
    for file in pathlib.Path(path).rglob("*.log"):
        try:
            size += file.stat().st_size
        except FileNotFoundError:
            pass
    return size
