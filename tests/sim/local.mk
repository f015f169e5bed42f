# SPDX-License-Identifier: GPL-3.0-or-later
# The simulation of the relay: doc/simulation.md. 20,000 seeds in `make check` (tests/sim.bats);
# `scripts/check --full` runs a million.
sim_wrapped = read,write,recv,send,recvmsg,sendmsg,__read_chk,__recv_chk,splice,sendfile,poll
sim_wrapped_epoll = epoll_create1,epoll_ctl,epoll_wait,pipe2,eventfd
sim_wrapped_sockets = shutdown,getsockopt,setsockopt,getpeername
sim_wrapped_other = fcntl,ioctl,close,clock_gettime,open,__open_2,fstat,isatty,sched_getaffinity
sim_wrapped_threads = pthread_create,pthread_join,sem_init,sem_wait,sem_post,sem_destroy
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = \
	tests/sim/actor.c tests/sim/calls-other.c tests/sim/calls.c tests/sim/calls.h \
	tests/sim/epoll.c \
	tests/sim/main.c tests/sim/oracle.c tests/sim/pipe.c tests/sim/plan.c tests/sim/run.c \
	tests/sim/shrink.c tests/sim/sim.h tests/sim/sock.c tests/sim/thread.c tests/sim/world.c
tests_sim_sim_CFLAGS = $(AM_CFLAGS) -pthread
# The same relay, but it looks after every turn whether its channels are in a legal state.
check_LIBRARIES += tests/sim/libchecked.a
tests_sim_libchecked_a_SOURCES = src/relay/chan.c src/relay/relay.c
tests_sim_libchecked_a_CPPFLAGS = $(AM_CPPFLAGS) -DRELAY_CHECK
comma = ,
sim_wrap_first = $(sim_wrapped),$(sim_wrapped_epoll),$(sim_wrapped_sockets)
sim_wrap = $(sim_wrap_first),$(sim_wrapped_other),$(sim_wrapped_threads)
tests_sim_sim_LDFLAGS = $(AM_LDFLAGS) -pthread \
	-Wl,--wrap=$(subst $(comma),$(comma)--wrap=,$(sim_wrap))
tests_sim_sim_LDADD = tests/sim/libchecked.a librelay.a libnet.a libbase.a $(LIBBSD_LIBS) \
	$(LIBMD_LIBS)
EXTRA_DIST += tests/sim/teeth/run
EXTRA_DIST += \
	tests/sim/teeth/d1-urgent.patch \
	tests/sim/teeth/d13-started.patch \
	tests/sim/teeth/d14-insert.patch \
	tests/sim/teeth/d17-filter-messages.patch \
	tests/sim/teeth/d18-filter-lines.patch \
	tests/sim/teeth/d19-answer.patch \
	tests/sim/teeth/d2-abort.patch \
	tests/sim/teeth/d3-descriptor.patch \
	tests/sim/teeth/d4-gone.patch \
	tests/sim/teeth/d5-rates.patch \
	tests/sim/teeth/d6-limit.patch \
	tests/sim/teeth/d7-stop.patch \
	tests/sim/teeth/d8-empty.patch \
	tests/sim/teeth/d9-record.patch \
	tests/sim/teeth/m1-rest.patch \
	tests/sim/teeth/m10-guard.patch \
	tests/sim/teeth/m11-pipe-recycled.patch \
	tests/sim/teeth/m12-rest-skipped.patch \
	tests/sim/teeth/m13-sender-early.patch \
	tests/sim/teeth/m14-end-ahead.patch \
	tests/sim/teeth/m16-half-close.patch \
	tests/sim/teeth/m2-end-kept.patch \
	tests/sim/teeth/m3-count.patch \
	tests/sim/teeth/m4-again-is-end.patch \
	tests/sim/teeth/m5-stuck.patch \
	tests/sim/teeth/m6-pipe-leak.patch \
	tests/sim/teeth/m7-fall-back-loses.patch
EXTRA_DIST += \
	tests/sim/teeth/d20-not-connected.patch \
	tests/sim/teeth/d21-empty-reset.patch \
	tests/sim/teeth/d22-heartbeat.patch \
	tests/sim/teeth/d23-exact-limit.patch \
	tests/sim/teeth/d25-blame.patch \
	tests/sim/teeth/d26-idle-pause.patch \
	tests/sim/teeth/d27-late-input.patch \
	tests/sim/teeth/d28-thrown-away.patch \
	tests/sim/teeth/d29-answered-reset.patch \
	tests/sim/teeth/d30-urgent-end.patch \
	tests/sim/teeth/m15-stop-draining.patch
EXTRA_DIST += tests/sim/teeth/m8-edges.patch tests/sim/teeth/m9-idle-forgotten.patch
