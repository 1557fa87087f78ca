"""What the comparisons share: CPU time of a process, and a Markdown table that can be read as text too."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def process_cpu(pid):
    """User and system seconds so far, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def table(head, rows):
    """The first column is text, the others are figures. All cells are strings."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells):
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
