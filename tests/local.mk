# SPDX-License-Identifier: GPL-3.0-or-later
# Tests. All of them print TAP, so that `make check` counts single tests; automake's driver reads it.
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	VSOCK_TOOLS_BUILD='$(abs_builddir)'; export VSOCK_TOOLS_BUILD; \
	ASAN_OPTIONS="exitcode=99:$$ASAN_OPTIONS"; export ASAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; export UBSAN_OPTIONS;
TEST_EXTENSIONS = .bats
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(top_srcdir)/tests/run-tap
BATS_LOG_DRIVER = $(LOG_DRIVER)
BATS_LOG_COMPILER = $(top_srcdir)/tests/run-bats
EXTRA_DIST += build-aux/tap-driver.sh tests/run-bats tests/run-tap tests/lib/common.bash tests/lib/without-vsock tests/installed

# Unit tests, one program a noun. cmocka prints one plan for a group: one group a program.
if HAVE_CMOCKA
unit_tests =
unit_libraries = libserve.a librelay.a libnet.a libbase.a $(CMOCKA_LIBS) $(LIBBSD_LIBS)

unit_tests += tests/unit/test-fdutil
tests_unit_test_fdutil_SOURCES = tests/unit/test-fdutil.c
tests_unit_test_fdutil_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_fdutil_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-json
tests_unit_test_json_SOURCES = tests/unit/test-json.c
tests_unit_test_json_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_json_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-log
tests_unit_test_log_SOURCES = tests/unit/test-log.c tests/unit/capture.h
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_log_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-opt
tests_unit_test_opt_SOURCES = tests/unit/test-opt.c tests/unit/capture.h
tests_unit_test_opt_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_opt_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-stats
tests_unit_test_stats_SOURCES = tests/unit/test-stats.c
tests_unit_test_stats_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_stats_LDADD = $(unit_libraries) -lm

unit_tests += tests/unit/test-units
tests_unit_test_units_SOURCES = tests/unit/test-units.c
tests_unit_test_units_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_units_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-explain
tests_unit_test_explain_SOURCES = tests/unit/test-explain.c
tests_unit_test_explain_LDADD = $(unit_libraries)
tests_unit_test_explain_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
unit_tests += tests/unit/test-machine
tests_unit_test_machine_SOURCES = tests/unit/test-machine.c
tests_unit_test_machine_LDADD = $(unit_libraries)
tests_unit_test_machine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif

# What is read, not run.
static_tests = tests/layers
TESTS += $(static_tests)
EXTRA_DIST += $(static_tests)

# What a user sees, by subject.
bats_tests = \
	tests/info.bats \
	tests/info-lab.bats \
	tests/layering.bats \
	tests/sources.bats
TESTS += $(bats_tests)
EXTRA_DIST += $(bats_tests)
# They run the programs.
check_DATA = $(bin_PROGRAMS)
