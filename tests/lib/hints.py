# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the hints in the source, produces them, and tries what they name; see tests/hints.bats.

  hints.py list               the hints of src: PLACE, KIND and TEMPLATE, a tab between
  hints.py unseen KIND FILE   those of the KIND that no line of FILE shows
  hints.py produce FILE       runs the commands of tests/lib/hints.table; what they say goes to FILE
  hints.py try FILE           tries what the hints in FILE name

A line of FILE is PROGRAM, a tab and a hint. A template is the text in the source: printf's
conversions and {words} stand for anything. If the text of a hint is made in a way that this program
cannot follow, it fails: a hint that is not seen is not tried.
"""
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# In which argument a function takes its hint, and the kind of hint that it is.
functions = {
    "addr_hint": (1, "addr"),
    "log_hint": (0, "said"),
    "diagnosis_hint": (1, "cause"),
    "mistake_at": (3, "mistake"),
    "mistake_vat": (3, "mistake"),
    "mistake_in": (3, "mistake"),
    "rule_complain": (5, "mistake"),
    "rule_complain_word": (2, "mistake"),
    "text_complain": (5, "mistake"),
    "rules_tell": (6, "mistake"),
}
# What is handed on: its text is found where it was made.
passed_on = re.compile(
    r"(\w+(\[\w+\])?(->|\.))*(hint|format|hint_inf\(\w+\))( \? hint : part\.hint)?|NULL|0")
# What a text is that gives advice without being a hint.
advice = re.compile(r"did you mean|[,;] write |^try|^to [a-z ]+: |%34sand give"
                    r"|to change that: |; from (here|a guest): ")
literal = re.compile(r'"((?:[^"\\]|\\.)*)"')
variable = re.compile(r"%(?:[0-9]+|\.\*|\.[0-9]+)?(?:zu|l+[ud]|[sdux])|\{[a-z-]+\}")


def unquote(text):
    return text.encode().decode("unicode_escape").encode("latin-1").decode()


def code_of(path):
    """The text without its comments, line numbers kept."""
    with open(path) as file:
        text = file.read()
    found = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'|/\*.*?\*/', re.S)
    return found.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0][0] == "/" else m[0], text)


def arguments(code, at):
    """The arguments of the call whose parenthesis is at this place, or the fields of a brace."""
    depth, start, found = 0, at + 1, []
    while True:
        if code[at] in "\"'":
            at = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'').match(code, at).end()
            continue
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
        if depth == 0 or (depth == 1 and code[at] == ","):
            found.append(code[start:at])
            start = at + 1
        if depth == 0:
            return found
        at += 1


class Source:
    def __init__(self, path, hints):
        self.path, self.hints = path, hints
        self.code = code_of(path).replace("\\\n", " \n")
        self.code = re.sub(r'%" PRIu32\s*"', "%u", self.code)
        self.code = self.code.replace('%" PRIu32', '%u"')
        self.names = dict(re.findall(
            r'#define[ \t]+(\w+)\s+((?:"(?:[^"\\]|\\.)*"\s*)+)', self.code))
        self.names.update(re.findall(
            r'char (?:\*const )?(\w+)(?:\[\])? =\s*((?:"(?:[^"\\]|\\.)*"\s*)+);', self.code))

    def texts(self, expression):
        """Each of its literals, those that stand side by side as one."""
        for name, text in self.names.items():
            expression = re.sub(r"\b%s\b" % name, lambda m: text, expression)
        return ["".join(unquote(part) for part in literal.findall(whole[0]))
                for whole in re.finditer(r'(?:"(?:[^"\\]|\\.)*"\s*)+', expression)]

    def add(self, at, kind, expression, needed=True):
        place = "%s:%d" % (os.path.relpath(self.path, top), self.code.count("\n", 0, at) + 1)
        texts = [text for text in self.texts(expression) if re.search("[a-z]{2}|write -", text)]
        if "/net/addr" in self.path:
            kind = "addr"
        if needed and not self.texts(expression) and \
                not passed_on.fullmatch(expression.strip()):
            sys.exit("%s: where is the text of this hint? %s" % (place, expression.strip()))
        self.hints.extend((place, kind, text) for text in texts)

    def calls(self, name):
        for call in re.finditer(r"(?<![\w>.])%s\(" % name, self.code):
            # a definition or declaration names types
            found = arguments(self.code, call.end() - 1)
            if not re.match(r"\s*(const )?(struct|char|size_t)\b", found[0]):
                yield call.start(), found

    def read(self):
        for name, (number, kind) in functions.items():
            for at, found in self.calls(name):
                self.add(at, kind, found[number])
        for at, found in self.calls("snprintf"):
            if re.search(r"\bhint$", found[0].strip()):
                self.add(at, "cause" if "/explain" in self.path else "said", found[2])
        if self.path.endswith("/opt-value.c"):
            for at, found in self.calls("bad"):
                self.add(at, "mistake", found[1])
            self.add(self.code.index("hint_inf("), "mistake",
                     self.code[self.code.index("hint_inf("):].split("\n}")[0])
        if self.path.endswith("/explain-template.c"):
            at = self.code.index("char *explain_fix(")
            for match in re.finditer(r"snprintf\(", self.code[at:]):
                self.add(at + match.start(), "cause",
                         arguments(self.code, at + match.end() - 1)[2])
        for kind, table, number in (("foreign", r"struct opt_foreign \w*foreign\[\] = \{", 1),
                                    ("cause", r"struct cause causes\[\] = \{", 7),
                                    ("mistake", r"\} keys\[\] = \{", 2)):
            for match in re.finditer(table, self.code):
                for row in arguments(self.code, match.end() - 1):
                    row = row[row.find("{"):]
                    if len(row) > 1 and len(arguments(row, 0)) > number:
                        option = self.texts(arguments(row, 0)[0])[:1]
                        self.add(match.start(), kind + " " + option[0]
                                 if kind == "foreign" and option else kind,
                                 arguments(row, 0)[number])
        # advice within an error or on a line of its own
        for match in re.finditer(r'(?:"(?:[^"\\]|\\.)*"\s*)+', self.code):
            text = self.texts(match[0])[0]
            if re.search(advice, text) and \
                    not any(text == hint for place, kind, hint in self.hints):
                self.add(match.start(), "said", match[0])


def hints_of_source():
    hints = []
    for path in sorted(glob.glob(top + "/src/**/*.c", recursive=True)):
        Source(path, hints).read()
    assert len(hints) > 200
    return hints


def template(text):
    """A regular expression for what may be printed from it."""
    parts = variable.split(text.strip().replace("%%", "%"))
    return re.compile(".*".join(re.escape(part) for part in parts), re.S)


def read_lines(path):
    with open(path) as file:
        return [line.rstrip("\n").split("\t") for line in file
                if line.strip() and not line.startswith("#")]


def unseen(kind, path):
    seen = [fields[-1] for fields in read_lines(path)]
    failed = 0
    for place, its, text in hints_of_source():
        if its.split()[0] == kind and not any(template(text).fullmatch(line) for line in seen):
            print("%s: no test shows this hint: %s" % (place, text))
            failed += 1
    return failed


def run(command, limit=20, **more):
    """Status and output of a command that may open no vsock socket; 124 if it has not ended."""
    build = os.environ["VSOCK_TOOLS_BUILD"]
    process = subprocess.Popen([build + "/tests/lib/without-vsock", "EPERM", *command],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True, **more)
    try:
        out = process.communicate(timeout=limit)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return 124, process.communicate()[0].decode(errors="replace")
    return process.returncode, out.decode(errors="replace")


# Producing

def situations():
    """COMMAND and HINT: those of the table, and each option of another tool."""
    yield from read_lines(top + "/tests/lib/hints.table")
    for place, kind, hint in hints_of_source():
        if kind.startswith("foreign "):
            yield "vsock-%s %s x unix:./s" % (place.split("/")[1], kind.split()[1]), hint


def is_in(path, text):
    with open(os.path.join(top, path)) as file:
        return text in file.read()


def produce(path):
    os.chdir(tempfile.mkdtemp(dir=os.environ.get("BATS_TEST_TMPDIR")))
    failed = 0
    with open(path, "w") as shown:
        for command, hint in situations():
            program = re.search(r"vsock-(cat|listen|proxy|ping|info)", command)
            if command.startswith("elsewhere "):
                if not is_in(command.split()[1], hint):
                    print("%s does not have this hint: %s" % (command.split()[1], hint))
                    failed += 1
            else:
                out = run(["bash", "-c", command])[1]
                lines = [re.sub("^hint: ", "", line) for line in out.splitlines()]
                if not any(line == hint or line.endswith(": " + hint) for line in lines):
                    print("%s\n%s  and not: %s" % (command, out, hint))
                    failed += 1
            print(program[0] if program else "vsock-cat", hint, sep="\t", file=shown)
    return failed


# Trying

filled = [(r"\bCID\b", "3"), (r"\b(REMOTE_)?PORTS?\b", "22"), (r"\bHOST\b", "h"),
          (r"\bPATH\b", "./s"), (r"\bNAME\b", "n"), (r"\bLISTEN\b", "unix:./l"),
          (r"\bCONNECT\b", "unix:./t"), (r"\[ADDRESS\]", "[::1]"),
          (r"\bADDRESS\b", "unix:./a"), (r"\bCOMMAND\b", "true"),
          (r"\bFROM\b", ":22"), (r"\bTIME\b", "1s"), (r"\bSIZE\b", "1M"), (r"\bCOUNT\b", "3"),
          (r"\bDEST\b", "h:22"), (r"\bWHO\b", "any"), (r"\bFILE\b", "f"),
          (r"\$HOME\b", "/root"), (r"\bfd:…", "fd:3"), (r" …( may)?| \.\.\.", " unix:./a")]
# Where a command ends and the sentence goes on.
prose = re.compile(r" (?:shows?|tests|lists?|may|uses|in|at|there|makes|outside|or|and|as|always"
                   r"|has|takes?|forward|listens|is one|with its|to|here|alone|gives|goes|start) .*"
                   r"| is one$| (?:there|here|alone)$|[;)].*|(?<!socks5)(?<!-connect)(?<!-dst):(?: .*|$)"
                   r"|, .*| \(.*")
programs = r"vsock-(?:cat|listen|proxy|run|ping|info)"
families = r"(?:tcp[46]?|udp[46]?|unix|unix-seqpacket|vsock|vsock-seqpacket|vsock-mux|exec|fd)"
system_commands = "modprobe|ss|ls|mkdir|chmod|chown|getent|ulimit|sysctl|journalctl|systemctl" \
    "|resolvectl|rm|cd|mkfifo|ssh"
kernel_modules = {"vsock", "vhost_vsock", "vsock_loopback", "vmw_vsock_virtio_transport"}
foreign_options = {"--cap-add", "--security-opt", "-device"}


def fill(text):
    for word, value in filled:
        text = re.sub(word, value, text)
    return text


class Trier:
    def __init__(self):
        self.checked, self.failed, self.tried = {}, 0, 0
        self.options = {}
        for program in ("cat", "listen", "proxy", "run", "ping", "info"):
            out = run(["vsock-" + program, "--list-options"])[1]
            rows = [line.split("\t") for line in out.splitlines()]
            self.options["vsock-" + program] = {"--" + row[1] for row in rows} | \
                {"-" + row[0] for row in rows if row[0] != "-"} | {"--recv-only"}

    def once(self, key, check, *arguments):
        if key not in self.checked:
            self.checked[key] = check(*arguments)
            self.tried += 1
        return self.checked[key]

    def address(self, text):
        """Is this a good address, to listen on or to connect to?"""
        places = ["unix:./l", text], [text, "unix:./t"], ["udp:127.0.0.1:1", text]
        outs = [run(["vsock-proxy", "--check", "--message-size", "64K", *words])
                for words in places]
        return any(status != 2 for status, out in outs) or outs[0][1]

    def option_of_address(self, text):
        """Is this a good option of some address?"""
        found = [self.address("%s,%s" % (base, text)) for base in ("vsock:3:22", "tcp:h:22",
                                                                   "unix:./s", "vsock-mux:./s:22")]
        return True in found or found[0]

    def command(self, text):
        """A command of ours is accepted: whatever it does, it is not wrongly written."""
        try:
            words = shlex.split(fill(text))
        except ValueError:
            return "quotes: " + text
        if "<" in words:
            words = words[:words.index("<")]
        if words[0] == "vsock-proxy" and "--status" not in words:
            words.append("--check")
        if words[0] == "vsock-info": # nothing is to be loaded here
            return set(words[1:]) <= self.options[words[0]] or "no such option"
        if words[0] == "vsock-run": # whatever goes wrong before a command runs is status 125
            return {word for word in words if word[0] == "-"} <= self.options[words[0]] or \
                "no such option"
        for more in [], ["unix:./a"]:
            status, out = run(words + more, 1)
            # -F is for ssh, which makes standard output a socket
            if status not in (2, 126, 127) or "is not a UNIX socket" in out:
                return True
        return out

    def option_of_unit(self, name):
        """Does systemd know this setting?"""
        for kind, section, main in (("service", "Service", "ExecStart"),
                                    ("socket", "Socket", "ListenStream")):
            path = "%s.%s" % (name, kind)
            with open(path, "w") as file:
                file.write("[%s]\n%s=/bin/true\n%s=x\n" % (section, main, name))
            if "Unknown key" not in subprocess.run(
                    ["systemd-analyze", "verify", "./" + path], capture_output=True,
                    text=True).stderr:
                return True
            os.remove(path)
        return "systemd does not know it"

    def system(self, text):
        """A command of the system: what reads is run, of what changes the syntax is looked at."""
        words = shlex.split(fill(text))
        if words[0] == "sudo":
            words = words[1:]
        if words[0] == "ssh": # prints what its configuration becomes
            return run(["ssh", "-G", *words[1:]])[0] == 0
        if words[0] == "modprobe":
            return set(words[1:]) <= kernel_modules and len(words) == 2 or "no such module"
        if words[0] in ("sysctl", "getent", "ss", "ls", "journalctl", "resolvectl"):
            if not shutil.which(words[0]):
                return True
            status, out = run(words)
            bad = re.search("(?i)usage|invalid|unrecognized|unknown option|error: ", out)
            return not bad or out
        if words[0] in ("mkdir", "chmod", "chown", "rm", "cd", "ulimit", "mkfifo"):
            if words[0] == "chmod" or words[0] == "chown":
                words.append("f")
            status, out = run(["bash", "-c", shlex.join(words)], cwd=tempfile.mkdtemp(dir="."))
            return not re.search("(?i)usage|invalid|unrecognized", out) or out
        if words[0] == "systemctl":
            return words[1] in subprocess.run(["systemctl", "--help"], capture_output=True,
                                              text=True).stdout or "no such command"
        return True

    def parts(self, program, hint):
        """What can be tried in a hint: how, and the text."""
        for found in re.finditer(r"(?:sudo )?(?<!')\b(%s)( .*)?" % programs, hint):
            words = prose.sub("", found[2] or "")
            if words.strip():
                yield self.command, found[1] + words
        for found in re.finditer(r"(?<!unknown option )(?<!ssh )(?<!nc )(?<!ncat )(?<!socat )"
                                 r"(?<![\w.-])--?[a-zA-Z][a-z-]*\b", hint):
            yield "option", found[0]
        for found in re.finditer(r"(?<![\w=-])%s:(?:\\,|[^\s;,)?'])*[^\s;,)?':.\\]" % families,
                                 hint):
            port = ":22" if program == "vsock-ping" and found[0].count(":") == 1 else ""
            yield self.address, fill(found[0]) + port
        for found in re.finditer(r"(?<![\w\\]),([a-z-]+(?:=[^\s;,)]+)?)(?!\S*:)", hint):
            yield self.option_of_address, fill(found[1])
        for found in re.finditer(r"(?<!-o )\b([A-Z][a-z][A-Za-z]*)=", hint):
            yield self.option_of_unit, found[1]
        for found in re.finditer(r"(?:^|: |run |with |see )((?:sudo )?(?:%s) .*)" % system_commands,
                                 hint):
            yield self.system, prose.sub("", found[1])
        for found in re.finditer(r"see ([A-Z ]+ in [a-z.-]+\(\d\))", hint):
            yield self.section, found[1]

    def section(self, text):
        name, page = text.rstrip(")").replace("(", ".").split(" in ")
        with open(top + "/man/" + page) as file:
            return "\n.Sh %s\n" % name in file.read() or "no such section"

    def hint(self, program, hint):
        for how, text in self.parts(program, hint):
            if how == "option":
                named = {program} | set(re.findall(programs, hint))
                if text in foreign_options or any(text in self.options[p] for p in named) or \
                        text in ("-k", "-i", "-g", "-o", "-l", "-d", "-xl", "-xlp", "-ltnp",
                                 "-lunp", "-ld", "-n", "-u", "-f", "-c", "-p", "-w") and \
                        not text.startswith("--"):
                    continue
                what = "no such option"
            else:
                what = self.once((how.__name__, text), how, text)
                if what is True:
                    continue
            print("%s: %s\n  %s: %s" % (program, hint, text, what))
            self.failed += 1


def try_hints(path):
    os.chdir(tempfile.mkdtemp(dir=os.environ.get("BATS_TEST_TMPDIR")))
    trier = Trier()
    for program, hint in {tuple(fields) for fields in read_lines(path)}:
        hint = re.sub(r"nsenter --net=\S+ ", "", hint) # there is no such namespace here
        trier.hint(program, hint)
    print("%d commands, addresses and settings tried, %d are wrong" % (trier.tried, trier.failed))
    assert trier.tried > 20
    return trier.failed


if __name__ == "__main__":
    if sys.argv[1] == "list":
        for hint in hints_of_source():
            print(*hint, sep="\t")
    else:
        known = {"unseen": unseen, "produce": produce, "try": try_hints}
        arguments_given = sys.argv[2:-1] + [os.path.abspath(sys.argv[-1])]
        sys.exit(1 if known[sys.argv[1]](*arguments_given) else 0)
