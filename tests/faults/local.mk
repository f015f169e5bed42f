# SPDX-License-Identifier: GPL-3.0-or-later
# Faults at every call: a library for LD_PRELOAD, and what runs our programs with it. Built without
# our hardening and sanitizers: it stands between a program and the C library.
check_DATA += tests/faults/faults.so
tests/faults/faults.so: $(top_srcdir)/tests/faults/faults.c
	$(AM_V_CC)$(MKDIR_P) tests/faults && $(CC) -O2 -g -Wall -Wextra -shared -fPIC \
		-o $@ $(top_srcdir)/tests/faults/faults.c -ldl
CLEANFILES += tests/faults/faults.so
EXTRA_DIST += tests/faults/faults.c tests/faults/inject
