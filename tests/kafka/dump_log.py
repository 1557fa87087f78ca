"""Kafka's own reader of log files, DumpLogSegments, as a judge."""

import re
import subprocess

from kafka_cluster import KAFKA

# What DumpLogSegments prints of a file it does not accept; it exits 0 all the same.
DUMP_COMPLAINTS = re.compile(
    r"isvalid: false|Mismatches in|mismatch in|out of order timestamp|offsets are not found|invalid bytes|"
    r"failed sanity|Exception|Error |Invalid|Non-consecutive")


def dump_log_complaints(files, *options):
    """Runs Kafka's DumpLogSegments over the files in one JVM: the lines that complain, and how many lines there were."""
    if not files:
        raise AssertionError("no files to dump")
    result = subprocess.run([KAFKA, "dump-log", *options, "--files", ",".join(map(str, files))],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = (result.stdout + result.stderr).splitlines()
    if result.returncode:
        raise AssertionError(f"DumpLogSegments: exit {result.returncode}: {lines[-3:]}")
    return [line for line in lines if DUMP_COMPLAINTS.search(line)], len(lines)
