# SPDX-License-Identifier: GPL-3.0-or-later
# Tests. All of them print TAP, so that `make check` counts single tests; automake's driver reads
# it.
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
EXTRA_DIST += build-aux/tap-driver.sh tests/run-bats tests/run-contained tests/run-tap \
	tests/installed tests/fresh tests/mutate
EXTRA_DIST += tests/lib/common.bash tests/lib/reload.bash tests/lib/restart.bash \
	tests/lib/run.bash tests/lib/udp.bash
EXTRA_DIST += tests/lib/datagrams tests/lib/fake-vmm tests/lib/hostile tests/lib/latency
EXTRA_DIST += tests/lib/museum tests/lib/museum-visit
EXTRA_DIST += tests/lib/reader-leaves tests/lib/reloads
EXTRA_DIST += tests/lib/example tests/lib/examples tests/lib/examples.table
EXTRA_DIST += tests/lib/run-client.py tests/lib/run-hostile tests/lib/run-vectors.py
EXTRA_DIST += tests/lib/recipe tests/lib/hints.py tests/lib/hints.table tests/lib/letters.py
EXTRA_DIST += tests/lib/inetd.py

check_DATA =

# What every test runs in.
check_PROGRAMS += tests/lib/leaves-nothing tests/lib/without-vsock
tests_lib_leaves_nothing_SOURCES = tests/lib/leaves-nothing.c
tests_lib_without_vsock_SOURCES = tests/lib/without-vsock.c tests/lib/deny-vsock.h
EXTRA_DIST += tests/lib/temporary.h

# vsock-proxy with a worker that an attacker controls, for tests/owned.bats and
# tests/hostile.bats.
check_PROGRAMS += tests/owned/owned-proxy
tests_owned_owned_proxy_SOURCES = tests/owned/owned.c tests/owned/owned.h tests/owned/channel.c \
	tests/owned/files.c tests/owned/hostile.c tests/owned/processes.c tests/owned/sockets.c \
	src/proxy/main.c
tests_owned_owned_proxy_CFLAGS = $(AM_CFLAGS) -pthread
tests_owned_owned_proxy_LDFLAGS = $(AM_LDFLAGS) -pthread -Wl,--wrap=epoll_wait,--wrap=worker_run
tests_owned_owned_proxy_LDADD = $(vsock_proxy_LDADD)

# Unit tests, one program a noun. cmocka prints one plan for a group: one group a program.
check_LIBRARIES =
if HAVE_CMOCKA
unit_tests =
unit_libraries = libproxy.a $(tool_libraries) $(CMOCKA_LIBS) $(SECCOMP_LIBS)

unit_tests += tests/unit/test-confine
tests_unit_test_confine_SOURCES = tests/unit/test-confine.c tests/unit/tries.c tests/unit/tries.h
tests_unit_test_confine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_confine_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-broker
tests_unit_test_broker_SOURCES = tests/unit/test-broker.c
tests_unit_test_broker_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_broker_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup
tests_unit_test_broker_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-request
tests_unit_test_request_SOURCES = tests/unit/test-request.c tests/unit/supervisor-rig.h \
	tests/unit/capture.h
tests_unit_test_request_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_request_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc
tests_unit_test_request_LDADD = $(unit_libraries)
unit_tests += tests/unit/test-hostile
tests_unit_test_hostile_SOURCES = tests/unit/test-hostile.c tests/unit/supervisor-rig.h
tests_unit_test_hostile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_hostile_LDADD = $(unit_libraries)
unit_tests += tests/unit/test-restart
tests_unit_test_restart_SOURCES = tests/unit/test-restart.c tests/unit/supervisor-rig.h
tests_unit_test_restart_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_restart_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-check-judge
tests_unit_test_check_judge_SOURCES = tests/unit/test-check-judge.c src/ping/check-judge.c
tests_unit_test_check_judge_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_check_judge_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-check
tests_unit_test_check_SOURCES = tests/unit/test-check.c
tests_unit_test_check_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_check_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=units_now
tests_unit_test_check_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-run-frame
tests_unit_test_run_frame_SOURCES = tests/unit/test-run-frame.c
tests_unit_test_run_frame_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_run_frame_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-fdutil
tests_unit_test_fdutil_SOURCES = tests/unit/test-fdutil.c
tests_unit_test_fdutil_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_fdutil_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-json
tests_unit_test_json_SOURCES = tests/unit/test-json.c
tests_unit_test_json_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_json_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-inherited
tests_unit_test_inherited_SOURCES = tests/unit/test-inherited.c
tests_unit_test_inherited_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_inherited_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-log
tests_unit_test_log_SOURCES = tests/unit/test-log.c tests/unit/capture.h
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_log_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-names
tests_unit_test_names_SOURCES = tests/unit/test-names.c
tests_unit_test_names_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_names_LDADD = $(CMOCKA_LIBS)

unit_tests += tests/unit/test-opt
tests_unit_test_opt_SOURCES = tests/unit/test-opt.c tests/unit/opt-rig.c tests/unit/opt-rig.h \
	tests/unit/capture.h
tests_unit_test_opt_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_opt_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-opt-help
tests_unit_test_opt_help_SOURCES = tests/unit/test-opt-help.c tests/unit/opt-rig.c \
	tests/unit/opt-rig.h tests/unit/capture.h
tests_unit_test_opt_help_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_opt_help_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-pcapng
tests_unit_test_pcapng_SOURCES = tests/unit/test-pcapng.c
tests_unit_test_pcapng_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pcapng_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-stats
tests_unit_test_stats_SOURCES = tests/unit/test-stats.c src/ping/stats.c src/ping/stats.h
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

unit_tests += tests/unit/test-addr
tests_unit_test_addr_SOURCES = tests/unit/test-addr.c tests/unit/addr-rig.c tests/unit/addr-rig.h
tests_unit_test_addr_LDADD = $(unit_libraries)
tests_unit_test_addr_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_addr_CPPFLAGS = $(AM_CPPFLAGS) -DSRCDIR='"$(abs_top_srcdir)"'

unit_tests += tests/unit/test-addr-parts
tests_unit_test_addr_parts_SOURCES = tests/unit/test-addr-parts.c tests/unit/addr-rig.c \
	tests/unit/addr-rig.h
tests_unit_test_addr_parts_LDADD = $(unit_libraries)
tests_unit_test_addr_parts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_addr_parts_CPPFLAGS = $(AM_CPPFLAGS) -DSRCDIR='"$(abs_top_srcdir)"'

unit_tests += tests/unit/test-hosts
tests_unit_test_hosts_SOURCES = tests/unit/test-hosts.c
tests_unit_test_hosts_LDADD = $(unit_libraries)
tests_unit_test_hosts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

# A relay and the far ends of its sides, for the tests of it.
check_LIBRARIES += tests/unit/librig.a
tests_unit_librig_a_SOURCES = tests/unit/rig.c tests/unit/rig.h
tests_unit_librig_a_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
rig_ldflags = $(AM_LDFLAGS) -pthread -Wl,--wrap=epoll_wait,--wrap=splice,--wrap=pipe2

unit_tests += tests/unit/test-relay
tests_unit_test_relay_SOURCES = tests/unit/test-relay.c
tests_unit_test_relay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_LDFLAGS = $(rig_ldflags)
tests_unit_test_relay_LDADD = tests/unit/librig.a $(unit_libraries)

unit_tests += tests/unit/test-relay-engines
tests_unit_test_relay_engines_SOURCES = tests/unit/test-relay-engines.c
tests_unit_test_relay_engines_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_engines_LDFLAGS = $(rig_ldflags),--wrap=recvmsg
tests_unit_test_relay_engines_LDADD = tests/unit/librig.a $(unit_libraries)

unit_tests += tests/unit/test-relay-limits
tests_unit_test_relay_limits_SOURCES = tests/unit/test-relay-limits.c
tests_unit_test_relay_limits_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_limits_LDFLAGS = $(rig_ldflags)
tests_unit_test_relay_limits_LDADD = tests/unit/librig.a $(unit_libraries)

unit_tests += tests/unit/test-relay-stdio
tests_unit_test_relay_stdio_SOURCES = tests/unit/test-relay-stdio.c
tests_unit_test_relay_stdio_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_relay_stdio_LDFLAGS = $(rig_ldflags)
tests_unit_test_relay_stdio_LDADD = tests/unit/librig.a $(unit_libraries)

unit_tests += tests/unit/test-choose
tests_unit_test_choose_SOURCES = tests/unit/test-choose.c
tests_unit_test_choose_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_choose_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-transfer
tests_unit_test_transfer_SOURCES = tests/unit/test-transfer.c
tests_unit_test_transfer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_transfer_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-datagram
tests_unit_test_datagram_SOURCES = tests/unit/test-datagram.c
tests_unit_test_datagram_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_datagram_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-pty
tests_unit_test_pty_SOURCES = tests/unit/test-pty.c
tests_unit_test_pty_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pty_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-access
tests_unit_test_access_SOURCES = tests/unit/test-access.c
tests_unit_test_access_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_access_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-server
tests_unit_test_server_SOURCES = tests/unit/test-server.c
tests_unit_test_server_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_server_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-flows
tests_unit_test_flows_SOURCES = tests/unit/test-flows.c
tests_unit_test_flows_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_flows_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-busy
tests_unit_test_busy_SOURCES = tests/unit/test-busy.c
tests_unit_test_busy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_busy_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=epoll_wait,--wrap=clock_gettime,--wrap=sched_getaffinity
tests_unit_test_busy_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-loop
tests_unit_test_loop_SOURCES = tests/unit/test-loop.c
tests_unit_test_loop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_loop_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=epoll_wait
tests_unit_test_loop_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-endpoint
tests_unit_test_endpoint_SOURCES = tests/unit/test-endpoint.c
tests_unit_test_endpoint_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_endpoint_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-sender
tests_unit_test_sender_SOURCES = tests/unit/test-sender.c
tests_unit_test_sender_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sender_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-mux
tests_unit_test_mux_SOURCES = tests/unit/test-mux.c
tests_unit_test_mux_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_mux_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-resolve
tests_unit_test_resolve_SOURCES = tests/unit/test-resolve.c
tests_unit_test_resolve_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_resolve_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-dest
tests_unit_test_dest_SOURCES = tests/unit/test-dest.c
tests_unit_test_dest_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_dest_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-proxy-header
tests_unit_test_proxy_header_SOURCES = tests/unit/test-proxy-header.c
tests_unit_test_proxy_header_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_proxy_header_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-trial
tests_unit_test_trial_SOURCES = tests/unit/test-trial.c
tests_unit_test_trial_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_trial_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-share
tests_unit_test_share_SOURCES = tests/unit/test-share.c
tests_unit_test_share_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_share_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-socks
tests_unit_test_socks_SOURCES = tests/unit/test-socks.c
tests_unit_test_socks_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_socks_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-http-body
tests_unit_test_http_body_SOURCES = tests/unit/test-http-body.c
tests_unit_test_http_body_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_http_body_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-change
tests_unit_test_change_SOURCES = tests/unit/test-change.c
tests_unit_test_change_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_change_LDADD = $(unit_libraries)

unit_tests += tests/unit/test-dial
tests_unit_test_dial_SOURCES = tests/unit/test-dial.c
tests_unit_test_dial_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_dial_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=recv
tests_unit_test_dial_LDADD = $(unit_libraries)

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif

EXTRA_DIST += tests/bad-addresses.tsv tests/hosts

include tests/fuzz/local.mk

# What is relied on in the kernel.
assume_tests = tests/assume/poll tests/assume/splice tests/assume/unix tests/assume/vsock
tests_assume_poll_SOURCES = tests/assume/poll.c tests/assume/assume.h
tests_assume_splice_SOURCES = tests/assume/splice.c tests/assume/assume.h
tests_assume_unix_SOURCES = tests/assume/unix.c tests/assume/assume.h
tests_assume_vsock_SOURCES = tests/assume/vsock.c tests/assume/assume.h
check_PROGRAMS += $(assume_tests)
TESTS += $(assume_tests)

# What is read, not run.
static_tests = tests/layers
TESTS += $(static_tests)
EXTRA_DIST += $(static_tests)

# What a user sees, by subject. A line each, so that two branches that add one merge into a list
# that still is one.
bats_tests =
# first, because it takes longest and keeps one processor busy
bats_tests += tests/sim.bats
bats_tests += tests/access.bats
bats_tests += tests/activation.bats
bats_tests += tests/addresses.bats
bats_tests += tests/breaking.bats
bats_tests += tests/cat-terminal.bats
bats_tests += tests/cat.bats
bats_tests += tests/examples-lab.bats
bats_tests += tests/examples.bats
bats_tests += tests/faults.bats
bats_tests += tests/half-close.bats
bats_tests += tests/hostile.bats
bats_tests += tests/info-lab.bats
bats_tests += tests/info.bats
bats_tests += tests/latency.bats
bats_tests += tests/limits.bats
bats_tests += tests/listen-files.bats
bats_tests += tests/listen.bats
bats_tests += tests/messages.bats
bats_tests += tests/mux.bats
bats_tests += tests/names.bats
bats_tests += tests/original-dst.bats
bats_tests += tests/owned.bats
bats_tests += tests/pairs.bats
bats_tests += tests/paths.bats
bats_tests += tests/ping-lab.bats
bats_tests += tests/ping-live.bats
bats_tests += tests/ping.bats
bats_tests += tests/proxy.bats
bats_tests += tests/reload-sockets.bats
bats_tests += tests/reload.bats
bats_tests += tests/restart-manager.bats
bats_tests += tests/restart.bats
bats_tests += tests/netns-lab.bats
bats_tests += tests/netns.bats
bats_tests += tests/notify.bats
bats_tests += tests/run.bats
bats_tests += tests/run-broken.bats
bats_tests += tests/run-hostile.bats
bats_tests += tests/run-lab.bats
bats_tests += tests/rules.bats
bats_tests += tests/sandbox.bats
bats_tests += tests/seeing.bats
bats_tests += tests/serving.bats
bats_tests += tests/signals.bats
bats_tests += tests/socks.bats
bats_tests += tests/terminal.bats
bats_tests += tests/transfer.bats
bats_tests += tests/udp-passed.bats
bats_tests += tests/typed.bats
bats_tests += tests/udp.bats
bats_tests += tests/units.bats
bats_tests += tests/vsock.bats
bats_tests += tests/verbosity.bats
bats_tests += tests/vsock-messages.bats
# Those whose time goes to starting programs, ours and others, or to waiting: the suite sanitize
# leaves them to clangsan.
starting_tests =
starting_tests += tests/check.bats
starting_tests += tests/engines.bats
starting_tests += tests/first-run.bats
starting_tests += tests/options.bats
starting_tests += tests/proxy-header.bats
starting_tests += tests/record.bats
starting_tests += tests/scale.bats
# Those that compare texts with each other and with what the programs print, and one that runs none
# of the programs: the sanitizers have nothing to find in them.
text_tests = tests/completion.bats
text_tests += tests/contained.bats
text_tests += tests/documents.bats
text_tests += tests/hints.bats
text_tests += tests/layering.bats
text_tests += tests/manual.bats
text_tests += tests/sources.bats
TESTS += $(bats_tests) $(starting_tests) $(text_tests)
EXTRA_DIST += $(bats_tests) $(starting_tests) $(text_tests) tests/lib/ping_statistics.py
# The virtual machines; tests/lab/*.bats start them, which takes minutes: scripts/check runs them,
# `make check` does not.
EXTRA_DIST += \
	tests/lab/README.md tests/lab/bin/lab-guest tests/lab/bin/lab-ready tests/lab/init \
	tests/lab/inside \
	tests/lab/alone tests/lab/apt.sh tests/lab/device tests/lab/kernel tests/lab/lib.sh \
	tests/lab/mux tests/lab/pair tests/lab/pair-host tests/lab/vm \
	tests/lab/mux.bats tests/lab/mux-guest.sh tests/lab/mux-host.sh \
	tests/lab/ping.bats tests/lab/selftest.bats tests/lab/systemd.bats \
	tests/lab/cookbook.bats tests/lab/cookbook.sh tests/lab/session tests/lab/terminal.py \
	tests/lab/ssh.bats tests/lab/ssh-guest.sh tests/lab/ssh-host.sh \
	tests/lab/services.bats tests/lab/services-guest.sh tests/lab/services-host.sh \
	tests/lab/states.sh \
	tests/lab/transfer.bats tests/lab/transfer-guest.sh tests/lab/transfer-host.sh

# Installation and packages: suites packages and distros of scripts/check run them.
EXTRA_DIST += tests/packages/debian.bats tests/packages/install.bats \
	tests/packages/newcomer.bats tests/packages/release.bats \
	tests/packages/rpm.bats tests/packages/specs.bats

include tests/sim/local.mk
include tests/bench/local.mk
include tests/faults/local.mk

# They run the programs.
check_DATA += $(bin_PROGRAMS)
