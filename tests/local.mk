# Unit tests, one program a noun.
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

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
