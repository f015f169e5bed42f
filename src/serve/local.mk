noinst_LIBRARIES += libserve.a
libserve_a_SOURCES = \
	src/serve/access.c src/serve/access.h \
	src/serve/accounts.c src/serve/accounts.h \
	src/serve/broker.c src/serve/broker.h \
	src/serve/bundle.c src/serve/bundle.h \
	src/serve/confine.c src/serve/confine.h src/serve/confine-calls.c src/serve/confine-files.c src/serve/confine-parts.h \
	src/serve/digest.c src/serve/digest.h \
	src/serve/flows.c src/serve/flows.h \
	src/serve/greeting.c src/serve/greeting.h \
	src/serve/hub.c src/serve/hub.h \
	src/serve/change.c src/serve/change.h \
	src/serve/kept.c src/serve/kept.h \
	src/serve/listener.c src/serve/listener.h \
	src/serve/metrics.c src/serve/metrics.h \
	src/serve/output.c src/serve/output.h \
	src/serve/page.c src/serve/page.h \
	src/serve/router.c src/serve/router.h \
	src/serve/rules.c src/serve/rules.h src/serve/rules-check.c src/serve/rules-parts.h src/serve/rules-read.c \
	src/serve/rules-text.c src/serve/rules-text.h \
	src/serve/notify.c src/serve/notify.h \
	src/serve/program.c src/serve/program.h \
	src/serve/receive.c src/serve/receive.h \
	src/serve/server.c src/serve/server.h \
	src/serve/service.c src/serve/service.h \
	src/serve/session.c src/serve/session.h \
	src/serve/spawn.c src/serve/spawn.h \
	src/serve/status.c src/serve/status.h \
	src/serve/supervisor.c src/serve/supervisor.h src/serve/supervisor-errand.c src/serve/supervisor-parts.h src/serve/supervisor-restart.c \
	src/serve/terminal.c src/serve/terminal.h \
	src/serve/user.c src/serve/user.h \
	src/serve/worker.c src/serve/worker.h
