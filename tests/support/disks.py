"""Disks that fail for real: ext4 images on loop devices whose power is cut, that fill up, or that promise more than they have.

Needs root, loop devices and mkfs.ext4: what_is_missing() says what is not there.
"""

import atexit
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess

from program_runs import wait_until

EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


def _run(*command):
    return subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def what_is_missing(scratch):
    """Why no disk can be made here, or None. Tries it in the directory `scratch`."""
    if os.geteuid() != 0:
        return "loop devices and mounts need root"
    try:
        disk = Disk(scratch, "probe", 4)
        disk.mount()
        disk.unmount()
    except FileNotFoundError as error:
        return f"no such program: {error.filename}"
    except subprocess.CalledProcessError as error:
        return f"{' '.join(error.cmd)}: {error.stderr.strip()}"
    return None


def _mount_points_below(directory):
    """The one that was mounted last first."""
    points = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if pathlib.Path(point).is_relative_to(directory)]


def clear_leftovers(parent):
    """Unmounts what a run left in its directory below `parent` that was killed before it could, and removes the directory.
    Whose it is tells the process's id in the name: while a process has it, ours or by chance another, nothing is touched.
    Nor is a directory without mounts, which may have been kept for a person to look at."""
    for directory in pathlib.Path(parent).glob("slipstream-*-*-*"):
        owner = directory.name.split("-")[-2]
        if not owner.isdigit() or pathlib.Path(f"/proc/{owner}").exists() or not _mount_points_below(directory):
            continue
        for point in _mount_points_below(directory):
            subprocess.run(["umount", "--lazy", point], stderr=subprocess.DEVNULL)
        if not _mount_points_below(directory):
            shutil.rmtree(directory, ignore_errors=True)


class Disk:
    """An ext4 file system of its own in an image file, mounted at .path."""

    def __init__(self, directory, name, megabytes, options=(), mkfs=()):
        self.image = pathlib.Path(directory) / f"{name}.img"
        self.path = pathlib.Path(directory) / name
        self._options = ",".join(["loop", *options])
        self.path.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", *mkfs, self.image)

    def mount(self):
        atexit.register(self.discard)  # before: a signal may end the run at once, and then nobody else does it
        _run("mount", "-t", "ext4", "-o", self._options, self.image, self.path)

    def unmount(self):
        """With nobody on it. A killed process's io_uring lets go of its files a moment after the process is gone."""
        wait_until(lambda: subprocess.run(["umount", self.path], capture_output=True).returncode == 0, f"umount {self.path}", 10, 0.01)

    def discard(self):
        """Lets go of it in whatever state it is."""
        atexit.unregister(self.discard)
        subprocess.run(["umount", "--lazy", self.path], stderr=subprocess.DEVNULL)

    def cut_power(self):
        """From now on nothing reaches the disk any more, not even what the journal holds; reads and writes fail.

        An fsync that runs meanwhile may succeed for nothing, as a loop of write and fsync shows: what is held against a disk
        must have been said before this is called."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(directory)

    def power_on(self):
        """After cut_power, with nobody on it: mounts it again with what reached the disk."""
        self.unmount()
        self.mount()

    def repair(self):
        """With nobody on it: what a person does with a disk that failed, before it is used again."""
        self.unmount()
        subprocess.run(["e2fsck", "-f", "-y", self.image], stdin=subprocess.DEVNULL, capture_output=True)  # exits 1: it mended
        self.mount()

    @property
    def device(self):
        return os.path.basename(_run("findmnt", "-n", "-o", "SOURCE", self.path).strip())

    def break_metadata(self):
        """Makes ext4 believe that it found an error of its own: with errors=remount-ro it is read-only from now on."""
        pathlib.Path(f"/sys/fs/ext4/{self.device}/trigger_fs_error").write_text("a test's error")

    def fill(self, leave):
        """Puts a file there that leaves about so many bytes; returns its path."""
        ballast = self.path / "ballast"
        with open(ballast, "wb") as file:
            space = os.statvfs(self.path)
            os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - leave)
        return ballast


class ThinDisk(Disk):
    """A disk that says it has more room than it has: writes past what its tmpfs holds are lost, and fsync says so once."""

    def __init__(self, directory, name, megabytes, megabytes_there):
        self._pool = pathlib.Path(directory) / f"{name}-pool"
        self._pool.mkdir()
        atexit.register(self._let_go_of_pool)
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes_there}m", "tmpfs", self._pool)
        super().__init__(self._pool, name, megabytes, mkfs=("-O", "^has_journal", "-b", "4096"))

    def mount(self):
        super().mount()
        # One page a request: of a larger one a loop device may write the part that fits, and report no error.
        pathlib.Path(f"/sys/block/{self.device}/queue/max_sectors_kb").write_text("4")

    def repair(self, megabytes_there):
        self.set_room(megabytes_there)
        super().repair()

    def set_room(self, megabytes_there):
        _run("mount", "-o", f"remount,size={megabytes_there}m", self._pool)

    def discard(self):
        super().discard()
        self._let_go_of_pool()

    def _let_go_of_pool(self):
        atexit.unregister(self._let_go_of_pool)
        subprocess.run(["umount", "--lazy", self._pool], stderr=subprocess.DEVNULL)
