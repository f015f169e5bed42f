/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy at work: what is set up in the supervisor, and what in the worker. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "serve/confine.h"
#include "serve/metrics.h"
#include "serve/status.h"
#include "serve/worker.h"
#include "tools/proxy-passage.h"
#include "tools/proxy.h"

static struct proxy *proxy_of(struct supervisor *supervisor)
{
	return (struct proxy *)(void *)supervisor;
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

static int read_bundle(struct worker *worker, const struct bundle *bundle, struct rules *rules)
{
	return proxy_read_bundle(worker->context, bundle, rules);
}

/* Gives up what it won't need. 0 or the exit status, said. */
static int confine_worker(const struct proxy *proxy)
{
	struct confine_plan plan = {
		.user = &proxy->user,
		.off = proxy->options.no_sandbox,
		.syslog = proxy->common.log.format == LOG_SYSLOG,
	};
	struct confined done;
	char text[256];
	int error = worker_plan(&proxy->supervisor.router.rules, &plan);

	if (!error)
		error = confine(&plan, &done);
	worker_plan_free(&plan);
	if (error) {
		log_error(proxy->options.user ? "--user %s: %s" : "%s%s", proxy->options.user ? proxy->options.user : "", strerror(-error));
		return STATUS_DENIED;
	}
	if (!plan.off)
		log_info(*done.missing ? 1 : 2, "worker (process %ld): %s", (long)getpid(), confine_describe(&done, text, sizeof(text)));
	return 0;
}

/* What this process has of its parent's, by fork, is only read. */
static int work(struct supervisor *supervisor, int channel, int questions)
{
	struct proxy *proxy = proxy_of(supervisor);
	static struct worker worker;
	int kept[] = { channel, questions }, error, status;

	log_disconnect();
	error = fd_keep(kept, 2);
	if (error) {
		log_error("the worker can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	prctl(PR_SET_NAME, "vsock-worker");
	worker = (struct worker){
		.server = {
			.settings = supervisor->server.settings,
			.access = supervisor->server.access,
			.limit = supervisor->server.limit,
			.by_descriptors = supervisor->server.by_descriptors,
			.passed = true,
		},
		.router.pid = supervisor->router.pid,
		.channel = kept[0],
		.pages = supervisor->pages,
		.page_count = SUPERVISOR_PAGES,
		.read = read_bundle,
		.context = proxy,
		.max_memory = proxy_max_memory(proxy->settings.passage.max_memory),
	};
	proxy->metrics.context = proxy->status.context = &worker;
	status = confine_worker(proxy);
	return status ? status : worker_run(&worker, kept[1]);
}

/* The supervisor */

static int load(struct supervisor *supervisor, struct rules *rules, struct bundle *bundle)
{
	return proxy_load(proxy_of(supervisor), rules, bundle);
}

static void files_changed(void *context)
{
	supervisor_reload(context);
}

/* --reload-on-change */
static int watch_files(struct proxy *proxy)
{
	const struct opt_list *files = &proxy->options.files;
	int error = change_start(&proxy->change, proxy->supervisor.server.loop, files_changed, &proxy->supervisor);

	for (size_t i = 0; i < files->count && !error; i++) {
		error = change_add(&proxy->change, files->entries[i].text);
		if (error)
			log_error("%s: can't be watched for changes: %s", files->entries[i].text, strerror(-error));
	}
	return error ? STATUS_FAILURE : 0;
}

static int start_metrics(struct proxy *proxy)
{
	struct page *page = &proxy->metrics;
	struct failure failure;

	if (!proxy->options.metrics)
		return 0;
	page->access = &proxy->supervisor.server.access;
	page->http_path = "/metrics";
	page->write = write_metrics;
	page->listener.kept = &proxy->supervisor.kept;
	if (page_listen(page, proxy->supervisor.server.loop, &failure))
		return explain_say(&page->addr, &failure);
	proxy->supervisor.pages[0] = page;
	return 0;
}

static void name_files(struct proxy *proxy)
{
	const struct opt_list *files = &proxy->options.files;
	size_t length = 0;

	for (size_t i = 0; i < files->count && length < sizeof(proxy->files); i++)
		length += (size_t)snprintf(proxy->files + length, sizeof(proxy->files) - length, "%s%s", i ? " " : "", files->entries[i].text);
}

/* The socket that nobody asked for may fail: the next one who wants to know is told by --status. */
static int start_status(struct proxy *proxy)
{
	struct page *page = &proxy->status;
	struct failure failure;

	if (!page->addr.family)
		return 0;
	name_files(proxy);
	page->access = page->addr.family == ADDR_UNIX ? NULL : &proxy->supervisor.server.access; /* a file has its mode */
	page->write = write_status;
	page->of_process = !proxy->options.status_socket;
	page->listener.kept = &proxy->supervisor.kept;
	if (page_listen(page, proxy->supervisor.server.loop, &failure) == 0)
		proxy->supervisor.pages[1] = page;
	else if (proxy->options.status_socket)
		return explain_say(&page->addr, &failure);
	return 0;
}

/* Sockets that are there already, for the rules and for pages. */
static int inherit(struct proxy *proxy)
{
	struct kept *kept = &proxy->supervisor.kept;
	int status = supervisor_inherit(&proxy->supervisor);

	if (!status && proxy->options.metrics)
		kept_want(kept, &proxy->metrics.addr);
	if (!status && proxy->options.status_socket && proxy->status.addr.family)
		kept_want(kept, &proxy->status.addr);
	return status;
}

int proxy_run(struct proxy *proxy, struct rules *rules)
{
	struct supervisor *supervisor = &proxy->supervisor;
	int status;

	supervisor->server.also = SIGUSR2;
	status = server_start(&supervisor->server);
	supervisor->user = &proxy->user;
	supervisor->load = load;
	supervisor->work = work;
	supervisor->program = &proxy->program;
	supervisor->reloads = proxy->options.files.count > 0;
	if (!status && proxy->options.no_sandbox)
		log_notice("no sandbox: the worker may do all that its user may");
	if (!status && proxy->options.reload_on_change)
		status = watch_files(proxy);
	if (!status)
		status = inherit(proxy);
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
