"""Kafka's own reader of log files, DumpLogSegments, as a judge."""

import re
import subprocess

from kafka_cluster import KAFKA

# What DumpLogSegments prints of a file it does not accept; it exits 0 all the same.
DUMP_COMPLAINTS = re.compile(
    r"isvalid: false|Mismatches in|mismatch in|out of order timestamp|offsets are not found|invalid bytes|"
    r"failed sanity|Exception|Error |Invalid|Non-consecutive")


FILES_PER_JVM = 500  # an argument has at most 128 KiB


def dump_log_complaints(files, *options):
    """Runs Kafka's DumpLogSegments over the files: the lines that complain, and how many lines there were."""
    if not files:
        raise AssertionError("no files to dump")
    lines = []
    for first in range(0, len(files), FILES_PER_JVM):
        names = ",".join(map(str, files[first:first + FILES_PER_JVM]))
        result = subprocess.run([KAFKA, "dump-log", *options, "--files", names], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            raise AssertionError(f"DumpLogSegments: exit {result.returncode}: {result.stderr.splitlines()[-3:]}")
        lines += (result.stdout + result.stderr).splitlines()
    return [line for line in lines if DUMP_COMPLAINTS.search(line)], len(lines)
