# SPDX-License-Identifier: GPL-3.0-or-later
# The benchmark: its load generator, and `make bench`.
check_PROGRAMS += tests/bench/load
tests_bench_load_SOURCES = \
	tests/bench/load.c \
	tests/bench/load.h \
	tests/bench/load-common.c \
	tests/bench/load-connect.c \
	tests/bench/load-datagrams.c \
	tests/bench/load-serve.c \
	tests/bench/load-streams.c

# What tests/bench/counts runs: one process that is client, server and tracer of a relay.
check_PROGRAMS += tests/bench/lockstep
tests_bench_lockstep_SOURCES = tests/bench/lockstep.c tests/bench/load-common.c tests/bench/load.h
tests_bench_lockstep_LDADD = $(SECCOMP_LIBS)

EXTRA_DIST += tests/bench/counts tests/bench/counts.tsv
EXTRA_DIST += tests/bench/RESULTS.md tests/bench/bandwidth tests/bench/datagrams tests/bench/run \
	tests/bench/soak tests/bench/proc.py tests/bench/peers.py tests/bench/report.py \
	tests/bench/arguments.py tests/bench/chart.py tests/bench/curves.py tests/bench/lab \
	tests/bench/soak.tsv

# BENCH_OPTIONS='--pairs tcp-tcp --rounds 3' and so on; tests/bench/run --help prints all.
BENCH_OPTIONS =
bench_programs = vsock-proxy$(EXEEXT) vsock-cat$(EXEEXT) tests/bench/load$(EXEEXT)
bench_command = --load $(abs_top_builddir)/tests/bench/load --proxy \
	$(abs_top_builddir)/vsock-proxy --cat $(abs_top_builddir)/vsock-cat

.PHONY: bench bench-quick bench-lab counts
bench: $(bench_programs)
	$(srcdir)/tests/bench/run $(bench_command) --json bench.json --plot bench.svg --markdown \
		bench.md $(BENCH_OPTIONS)

# Seconds, not minutes: that everything works.
bench-quick: $(bench_programs)
	$(srcdir)/tests/bench/run $(bench_command) --quick $(BENCH_OPTIONS)

# System calls and instructions, compared with tests/bench/counts.tsv. COUNTS_OPTIONS=--renew writes
# that anew, after a change that is worth its cost.
COUNTS_OPTIONS =
counts: $(bench_programs) tests/bench/lockstep$(EXEEXT)
	$(srcdir)/tests/bench/counts --build $(abs_top_builddir) $(COUNTS_OPTIONS)

# The same over vsock, in a virtual machine.
bench-lab: $(bench_programs)
	$(srcdir)/tests/bench/lab $(bench_command) --json bench-lab.json --plot bench-lab.svg \
		--markdown bench-lab.md $(BENCH_OPTIONS)
CLEANFILES += bench.json bench.svg bench.md bench-lab.json bench-lab.svg bench-lab.md
