/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy at work: what is set up in the supervisor, and what in the worker. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "proxy/worker/confine.h"
#include "proxy/router/metrics.h"
#include "proxy/router/status.h"
#include "proxy/worker/worker.h"
#include "proxy/passage.h"
#include "proxy/proxy.h"

static struct proxy *proxy_of(struct supervisor *supervisor)
{
	return container_of(supervisor, struct proxy, supervisor);
}

/* The worker */

static void write_metrics(void *context, const char *request, FILE *out)
{
	struct worker *worker = context;

	(void)request;
	metrics_write(&worker->router, out);
}

static void write_status(void *context, const char *request, FILE *out)
{
	struct worker *worker = context;
	const struct proxy *proxy = worker->context;

	status_write(&worker->router, proxy->files, request, out);
}

/* Drops what it will not need. 0, or an exit status after reporting the error. */
static int confine_worker(const struct proxy *proxy)
{
	struct confine_plan plan = {
		.user = &proxy->worker_user,
		.off = proxy->options.no_sandbox,
		.syslog = proxy->common.log.format == LOG_SYSLOG,
	};
	bool first = proxy->supervisor.state == SUPERVISOR_STARTING;
	struct confined done;
	char text[256];
	int error = worker_plan(&proxy->supervisor.router.rules, &plan);

	if (!error)
		error = confine(&plan, &done);
	worker_plan_free(&plan);
	if (error) {
		log_error("the worker cannot become user %s: %s", proxy->worker_user.name,
			  strerror(-error));
		return STATUS_DENIED;
	}
	if (plan.off)
		return 0;
	log_info(2, "worker (process %ld, uid %u): %s", (long)getpid(), (unsigned)getuid(),
		 confine_describe(&done, text, sizeof(text)));
	if (!*done.missing)
		return 0;
	if (proxy->options.sandbox == SANDBOX_REQUIRE) {
		log_error("--sandbox require: not enforced here: %s", done.missing);
		return STATUS_DENIED;
	}
	if (first)
		log_warning("the worker is not fully confined: %s", done.missing);
	return 0;
}

/* Whom the worker and look-ups run as: root never. */
static int choose_user(struct proxy *proxy)
{
	struct user *user = &proxy->worker_user;
	struct mistake error;
	int status = 0;

	if (proxy->options.user)
		status = user_find(proxy->options.user, user, &error);
	else if (geteuid() == 0 && !proxy->options.no_sandbox)
		status = user_unprivileged("vsock-proxy", user);
	user->alone = true;
	if (!status && !proxy->options.user && user->name) {
		status = user_try(user);
		if (status == -EPERM || status == -EINVAL) {
			/* in a user namespace that has only root, or without CAP_SETUID */
			user_free(user);
			*user = (struct user){ 0 };
			status = 0;
		}
	}
	if (!status)
		return 0;
	log_error("there is no user for the worker: %s", strerror(-status));
	return STATUS_FAILURE;
}

/* Whom a text answers may change with the rules, which the worker reads itself. */
static void follow_access(struct text_server *text, const struct server *server)
{
	if (text->access)
		text->access = &server->access;
}

/* What this process has of its parent's, by fork, is only read. */
static int work(struct supervisor *supervisor, const int ends[2])
{
	struct proxy *proxy = proxy_of(supervisor);
	static struct worker worker;
	int kept[] = { ends[0], ends[1] }, error, status;

	log_disconnect();
	error = fd_keep(kept, 2);
	if (error) {
		log_error("the worker cannot start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	prctl(PR_SET_NAME, "vsock-worker");
	worker = (struct worker){
		.server = {
			.settings = supervisor->server.settings,
			.descriptors = supervisor->server.descriptors,
			.descriptors_ours = supervisor->server.descriptors_ours,
			.descriptors_each = supervisor->server.descriptors_each,
			.passed = true,
		},
		.router.pid = supervisor->router.pid,
		.channel = kept[0],
		.requests = kept[1],
		.text_servers = supervisor->text_servers,
		.text_server_count = SUPERVISOR_TEXT_SERVERS,
		.context = proxy,
		.looping = proxy->looping,
		.max_memory = proxy_max_memory(proxy->settings.passage.max_memory),
	};
	proxy->metrics.context = proxy->status.context = &worker;
	follow_access(&proxy->metrics, &worker.server);
	follow_access(&proxy->status, &worker.server);
	status = confine_worker(proxy);
	return status ? status : worker_run(&worker);
}

/* The supervisor */

/* The worker cannot become another user, and commands shall not be another's. */
static void compare_user(const struct proxy *proxy)
{
	const struct user *user = &proxy->user;
	struct user now;
	struct mistake error;

	if (!proxy->options.user)
		return;
	if (user_find(proxy->options.user, &now, &error) < 0 || now.uid != user->uid ||
	    now.gid != user->gid)
		log_warning(
			"--user %s is another user now: until a restart it stays uid %u, gid %u",
			proxy->options.user, (unsigned)user->uid, (unsigned)user->gid);
	user_free(&now);
}

/* Targets that were passed must be there: such a number could be one of our own later. */
static int check_passed(const struct rules *rules)
{
	const struct failure failure = { .step = STEP_CONNECT, .error = EBADF };

	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		for (size_t i = 0; i < rule->target_count; i++) {
			const struct addr *addr = &rule->ports[0].targets[i].addr;

			if (addr->family == ADDR_FD && !activation_inherited(addr->fd))
				return explain_say(addr, &failure);
		}
	return 0;
}

static void warn_unused(const struct proxy *proxy, const struct rules *rules)
{
	for (const struct rule *rule = rules->first; rule; rule = rule->next) {
		activation_use(&rule->listen);
		for (size_t i = 0; i < rule->target_count; i++)
			activation_use(&rule->ports[0].targets[i].addr);
	}
	activation_use(&proxy->metrics.addr);
	activation_use(&proxy->status.addr);
	common_warn_unused();
}

static int load(struct supervisor *supervisor, struct rules *rules)
{
	const struct proxy *proxy = proxy_of(supervisor);
	int status;

	compare_user(proxy);
	status = proxy_load(proxy, true, rules);
	return status ? status : check_passed(rules);
}

static void files_changed(void *context)
{
	supervisor_reload(context);
}

/* --reload-on-change */
static int watch_files(struct proxy *proxy)
{
	const char *path;
	int error = change_start(&proxy->change, proxy->supervisor.server.loop, files_changed,
				 &proxy->supervisor, &path);

	if (!error)
		return 0;
	log_error("%s: cannot watch for changes: %s", path ? path : "--reload-on-change",
		  strerror(-error));
	return STATUS_FAILURE;
}

static int start_metrics(struct proxy *proxy)
{
	struct text_server *text = &proxy->metrics;
	struct failure failure;

	if (!proxy->options.metrics)
		return 0;
	text->access = &proxy->supervisor.server.access;
	text->http_path = "/metrics";
	text->write = write_metrics;
	text->listener.inherited = &proxy->supervisor.inherited;
	if (text_server_listen(text, proxy->supervisor.server.loop, &failure))
		return explain_say(&text->addr, &failure);
	proxy->supervisor.text_servers[0] = text;
	return 0;
}

static void name_files(struct proxy *proxy)
{
	const struct opt_list *files = &proxy->options.files;
	size_t length = 0;

	for (size_t i = 0; i < files->count && length < sizeof(proxy->files); i++)
		length += (size_t)snprintf(proxy->files + length, sizeof(proxy->files) - length,
					   "%s%s", i ? " " : "", files->entries[i].text);
}

/* The default status socket may fail: --status will report that. */
static int start_status(struct proxy *proxy)
{
	struct text_server *text = &proxy->status;
	struct failure failure;

	if (!text->addr.family)
		return 0;
	name_files(proxy);
	text->access = text->addr.family == ADDR_UNIX
			       ? NULL
			       : &proxy->supervisor.server.access; /* a file has its mode */
	text->write = write_status;
	text->of_process = !proxy->options.status_socket;
	text->listener.inherited = &proxy->supervisor.inherited;
	if (text_server_listen(text, proxy->supervisor.server.loop, &failure) == 0)
		proxy->supervisor.text_servers[1] = text;
	else if (proxy->options.status_socket)
		return explain_say(&text->addr, &failure);
	return 0;
}

/* Takes over the sockets that this process has inherited, for rules and HTTP endpoints. */
static int inherit(struct proxy *proxy)
{
	struct inherited *inherited = &proxy->supervisor.inherited;
	int status = supervisor_inherit(&proxy->supervisor);

	if (!status && proxy->options.metrics)
		inherited_want(inherited, &proxy->metrics.addr);
	if (!status && proxy->options.status_socket && proxy->status.addr.family)
		inherited_want(inherited, &proxy->status.addr);
	return status;
}

int proxy_run(struct proxy *proxy, struct rules *rules)
{
	struct supervisor *supervisor = &proxy->supervisor;
	int status;

	/* Before signals are watched: until it listens, any of them ends it. */
	status = choose_user(proxy);
	if (!status)
		status = names_wait(rules, &proxy->worker_user);
	supervisor->server.also = SIGUSR2;
	if (!status)
		status = server_start(&supervisor->server);
	supervisor->user = &proxy->user;
	supervisor->look_up_user = &proxy->worker_user;
	supervisor->load = load;
	supervisor->work = work;
	supervisor->program = &proxy->program;
	supervisor->reloads = proxy->options.files.count > 0;
	if (!status && proxy->options.no_sandbox)
		log_notice("no sandbox: the worker may do everything its user may do");
	if (!status && proxy->options.reload_on_change)
		status = watch_files(proxy);
	if (!status)
		status = inherit(proxy);
	if (!status)
		status = check_passed(rules);
	if (!status)
		warn_unused(proxy, rules);
	if (!status)
		status = supervisor_open(supervisor, rules);
	if (!status)
		status = start_metrics(proxy);
	if (!status)
		status = start_status(proxy);
	if (!status && supervisor->predecessor < 0)
		status = server_write_pid_file(&supervisor->server);
	return status ? status : supervisor_run(supervisor);
}
