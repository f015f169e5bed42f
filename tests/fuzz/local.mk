# SPDX-License-Identifier: GPL-3.0-or-later
# What reads a text or bytes from elsewhere, each with any input. Every program here tries the files
# of its corpus and changed copies of them; configured with --enable-fuzzer it is one of libFuzzer,
# for tests/fuzz/run. See driver.h.
fuzz_programs =

fuzz_programs += tests/fuzz/fuzz-addr
tests_fuzz_fuzz_addr_SOURCES = tests/fuzz/fuzz-addr.c $(fuzz_headers)
tests_fuzz_fuzz_addr_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_addr_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_addr_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-broker
tests_fuzz_fuzz_broker_SOURCES = tests/fuzz/fuzz-broker.c $(fuzz_headers)
tests_fuzz_fuzz_broker_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_broker_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_broker_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-check
tests_fuzz_fuzz_check_SOURCES = tests/fuzz/fuzz-check.c $(fuzz_headers)
tests_fuzz_fuzz_check_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_check_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_check_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-datagram
tests_fuzz_fuzz_datagram_SOURCES = tests/fuzz/fuzz-datagram.c $(fuzz_headers)
tests_fuzz_fuzz_datagram_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_datagram_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_datagram_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-dest
tests_fuzz_fuzz_dest_SOURCES = tests/fuzz/fuzz-dest.c $(fuzz_headers)
tests_fuzz_fuzz_dest_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_dest_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_dest_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-escape
tests_fuzz_fuzz_escape_SOURCES = tests/fuzz/fuzz-escape.c $(fuzz_headers)
tests_fuzz_fuzz_escape_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_escape_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=fd_write_until
tests_fuzz_fuzz_escape_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-hosts
tests_fuzz_fuzz_hosts_SOURCES = tests/fuzz/fuzz-hosts.c $(fuzz_headers)
tests_fuzz_fuzz_hosts_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_hosts_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_hosts_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-http-connect
tests_fuzz_fuzz_http_connect_SOURCES = tests/fuzz/fuzz-http-connect.c $(fuzz_headers)
tests_fuzz_fuzz_http_connect_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_http_connect_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_connect_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-json
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz-json.c $(fuzz_headers)
tests_fuzz_fuzz_json_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_json_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_json_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-machine
tests_fuzz_fuzz_machine_SOURCES = tests/fuzz/fuzz-machine.c $(fuzz_headers) src/info/json.c \
	src/info/report.c
tests_fuzz_fuzz_machine_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_machine_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_machine_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-mux
tests_fuzz_fuzz_mux_SOURCES = tests/fuzz/fuzz-mux.c $(fuzz_headers)
tests_fuzz_fuzz_mux_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_mux_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=recv
tests_fuzz_fuzz_mux_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-options
tests_fuzz_fuzz_options_SOURCES = tests/fuzz/fuzz-options.c $(fuzz_headers)
tests_fuzz_fuzz_options_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_options_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=fd_write_until
tests_fuzz_fuzz_options_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-plan
tests_fuzz_fuzz_plan_SOURCES = tests/fuzz/fuzz-plan.c $(fuzz_headers)
tests_fuzz_fuzz_plan_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_plan_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=fd_write_until
tests_fuzz_fuzz_plan_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-proxy-header
tests_fuzz_fuzz_proxy_header_SOURCES = tests/fuzz/fuzz-proxy-header.c $(fuzz_headers)
tests_fuzz_fuzz_proxy_header_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_proxy_header_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_proxy_header_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-readiness
tests_fuzz_fuzz_readiness_SOURCES = tests/fuzz/fuzz-readiness.c src/listen/readiness.c \
	$(fuzz_headers)
tests_fuzz_fuzz_readiness_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_readiness_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=notify_try
tests_fuzz_fuzz_readiness_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-rules
tests_fuzz_fuzz_rules_SOURCES = tests/fuzz/fuzz-rules.c $(fuzz_headers)
tests_fuzz_fuzz_rules_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_rules_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=fd_write_until
tests_fuzz_fuzz_rules_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-socks
tests_fuzz_fuzz_socks_SOURCES = tests/fuzz/fuzz-socks.c $(fuzz_headers)
tests_fuzz_fuzz_socks_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_socks_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_socks_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-run
tests_fuzz_fuzz_run_SOURCES = tests/fuzz/fuzz-run.c $(fuzz_headers)
tests_fuzz_fuzz_run_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_run_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_run_LDADD = $(fuzz_libraries)

fuzz_programs += tests/fuzz/fuzz-units
tests_fuzz_fuzz_units_SOURCES = tests/fuzz/fuzz-units.c $(fuzz_headers)
tests_fuzz_fuzz_units_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_fuzz_units_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_units_LDADD = $(fuzz_libraries)

fuzz_headers = tests/fuzz/captured.h tests/fuzz/driver.h tests/fuzz/logged.h \
	tests/fuzz/stream.h tests/lib/deny-vsock.h tests/lib/temporary.h
fuzz_libraries = libproxy.a $(tool_libraries) $(SECCOMP_LIBS)
fuzz_cppflags = $(AM_CPPFLAGS) -DSRCDIR='"$(abs_top_srcdir)"'
fuzz_ldflags = $(AM_LDFLAGS)
check_PROGRAMS += $(fuzz_programs)
# What tests/fuzz/run needs, and no more.
fuzz-programs: $(fuzz_programs)
.PHONY: fuzz-programs
if WITH_FUZZER
fuzz_cppflags += -DFUZZER
fuzz_ldflags += $(VT_FUZZER_LDFLAGS)
else
TESTS += $(fuzz_programs)
endif
EXTRA_DIST += tests/fuzz/run tests/fuzz/corpus-addr \
	tests/fuzz/corpus-broker \
	tests/fuzz/corpus-check \
	tests/fuzz/corpus-datagram \
	tests/fuzz/corpus-dest \
	tests/fuzz/corpus-escape \
	tests/fuzz/corpus-hosts \
	tests/fuzz/corpus-http-connect \
	tests/fuzz/corpus-json \
	tests/fuzz/corpus-machine \
	tests/fuzz/corpus-mux \
	tests/fuzz/corpus-options \
	tests/fuzz/corpus-plan \
	tests/fuzz/corpus-proxy-header \
	tests/fuzz/corpus-readiness \
	tests/fuzz/corpus-rules \
	tests/fuzz/corpus-run \
	tests/fuzz/corpus-socks \
	tests/fuzz/corpus-units
