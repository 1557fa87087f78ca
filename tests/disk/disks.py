"""Disks that fail for real: ext4 images on loop devices whose power is cut, that fill up, or that promise more than they have.

Needs root, loop devices and mkfs.ext4: what_is_missing() says what is not there.
"""

import fcntl
import os
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))  # for all modules here

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
        _run("mount", "-t", "ext4", "-o", self._options, self.image, self.path)

    def unmount(self):
        """With nobody on it. A killed process's io_uring lets go of its files a moment after the process is gone."""
        wait_until(lambda: subprocess.run(["umount", self.path], capture_output=True).returncode == 0, f"umount {self.path}", 10, 0.01)

    def discard(self):
        """Lets go of it in whatever state it is."""
        subprocess.run(["umount", "--lazy", self.path], stderr=subprocess.DEVNULL)

    def cut_power(self):
        """From now on nothing reaches the disk any more, not even what the journal holds; reads and writes fail."""
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
        subprocess.run(["umount", "--lazy", self._pool], stderr=subprocess.DEVNULL)
