"""What the comparisons share: what they need built, CPU time of a process, and a Markdown table that can be read as text too."""

import os
import pathlib
import subprocess
import sys

SCRIPTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(SCRIPTS.parent / "tests" / "support"))

from clean_end import end_cleanly_on_signals  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def build(target, *packages):
    """Of the release preset, after scripts/setup of the packages."""
    if packages:
        subprocess.run([SCRIPTS / "setup", *packages], check=True)
    subprocess.run([SCRIPTS / "build", "release", target], check=True, stdout=sys.stderr)


def build_program(*packages):
    """Unless SLIPSTREAM names one that is there."""
    if "SLIPSTREAM" in os.environ:
        subprocess.run([SCRIPTS / "setup", *packages], check=True)
    else:
        build("slipstream", *packages)


def run(main):
    """A comparison's main(). Told to end, it clears away what it has made."""
    end_cleanly_on_signals()
    main()


def run_measured(args, log):
    """To its end, with its output added to the file `log`. Returns what it used (resource.getrusage)."""
    with open(log, "ab") as out:
        process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        process.kill()
        process.wait()  # it still writes
        raise
    if status:
        raise SystemExit(f"{' '.join(map(str, args))} failed: {pathlib.Path(log).read_text()[-1000:]}")
    return usage


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


def report(what, head, rows):
    """Prints what was measured on which system, and the table."""
    system = os.uname()
    print(f"{what}, {system.sysname} {system.release}\n")
    print(table(head, rows))
