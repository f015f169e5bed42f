# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the benchmark: starting them on a processor, what they cost, and ending them.

A relay runs in a session of its own, so that whatever it forks is found by the session's number,
orphans too. This process is a subreaper: orphans become its children, and their processor time is
not lost."""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TICK = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None, use_errno=True)
_known = set()  # what Popen waits for


def become_subreaper():
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command, cpus=None, session=False, **more):
    """Popen on the processors `cpus` (None: any). The process ends when this one does."""

    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if cpus:
            os.sched_setaffinity(0, cpus)

    process = subprocess.Popen(command, preexec_fn=prepare, start_new_session=session, **more)
    _known.add(process.pid)
    return process


def ended(process):
    """Has it ended? Unlike poll() this leaves it to be waited for, so that its rusage is not
    lost."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def wait_usage(process, limit):
    """Waits for the end. Returns its rusage, or None if it is still running after `limit`
    seconds."""
    end = time.monotonic() + limit
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            _known.discard(process.pid)
            return usage
        if time.monotonic() > end:
            return None
        time.sleep(0.002)


def forget(process):
    """Popen has waited for it: its number may come again."""
    _known.discard(process.pid)


def stop(process, patience=2.0):
    """Ends a process, with force if it does not listen. Returns its rusage, or None if it was
    waited for before."""
    if process.returncode is not None:
        return None
    os.kill(process.pid, signal.SIGTERM)  # not send_signal(), which polls
    usage = wait_usage(process, patience)
    if usage is None:
        os.kill(process.pid, signal.SIGKILL)
        usage = wait_usage(process, float("inf"))
    return usage


def _stat(pid):
    """The fields of /proc/PID/stat after the name; None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def cpu(pid):
    """Processor time of all threads of a process, in seconds, exact to nanoseconds (see
    clock_getcpuclockid(3))."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def resident(pid):
    """The resident size of a process in KiB, 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0


class Relay:
    """A program under test, with everything that it forks."""

    def __init__(self, command, cpus, log):
        self.command = command
        self.log = log
        with open(log, "wb") as out:
            self.process = start(command, cpus, session=True, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out)
        self.used = [0.0, 0.0]  # by those that were waited for here

    def pids(self):
        """Those that live (zombies don't: their time is counted when they are waited for, or by
        _reap)."""
        session = str(self.process.pid)
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                fields = _stat(name)
                if fields and fields[3] == session and fields[0] not in "ZX":
                    found.append(int(name))
        return found

    def _reap(self):
        """Waits for orphans and adds up what they used."""
        while True:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None or info.si_pid in _known:
                return
            self._add(os.wait4(info.si_pid, 0)[2])

    def _add(self, usage):
        self.used[0] += usage.ru_utime
        self.used[1] += usage.ru_stime

    def cpu(self):
        """(user, system) seconds with children that ended: of those in ticks while this lives,
        exact when it has ended."""
        self._reap()
        user, system = self.used
        for pid in self.pids():
            fields = _stat(pid)
            clock = cpu(pid)
            if fields is None or clock is None:
                continue
            own_user, own_system, past_user, past_system = (int(x) / TICK for x in fields[11:15])
            share = own_user / (own_user + own_system) if own_user + own_system else 0.5
            user += clock * share + past_user
            system += clock * (1 - share) + past_system
        return user, system

    def memory(self):
        """(Rss, Pss, descriptors) of all: KiB, KiB, count."""
        rss = pss = descriptors = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                    for line in f:
                        if line.startswith("Rss:"):
                            rss += int(line.split()[1])
                        elif line.startswith("Pss:"):
                            pss += int(line.split()[1])
                descriptors += len(os.listdir(f"/proc/{pid}/fd"))
            except PermissionError:
                # a confined worker shows these to root only; its resident size, shared pages
                # included, to everybody
                size = resident(pid)
                rss += size
                pss += size
            except OSError:
                pass
        return rss, pss, descriptors

    def settle(self, processes, patience=1.5):
        """Waits until the processes of connections that were closed are gone, and so their time is
        counted."""
        end = time.monotonic() + patience
        while len(self.pids()) > processes and time.monotonic() < end:
            time.sleep(0.01)

    def alive(self):
        return not ended(self.process)

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            lines = [line.strip() for line in f if line.strip()]
        return lines[-1][:200] if lines else ""

    def stop(self):
        """Ends it and all that it forked."""
        others = [pid for pid in self.pids() if pid != self.process.pid]
        for pid in others:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        usage = stop(self.process)
        if usage:
            self._add(usage)
        end = time.monotonic() + 1
        while self.pids() and time.monotonic() < end:
            self._reap()
            time.sleep(0.005)
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._reap()
