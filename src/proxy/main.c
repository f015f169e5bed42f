/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy: forwards connections, from any family to any other, many rules in one process. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/units.h"
#include "net/activation.h"
#include "net/ip.h"
#include "net/resolve.h"
#include "proxy/check-json.h"
#include "proxy/passage.h"
#include "proxy/status-client.h"
#include "proxy/proxy.h"

#define DESCRIPTORS_EACH 2 /* of a connection: one accepted, one connected */
/* Beside listeners and pipes: epoll, channels, text_servers and their clients. */
#define DESCRIPTORS_OURS 64

static const char *const usage[] = {
	"[OPTION]... LISTEN CONNECT [KEY=VALUE]... [LISTEN CONNECT]...", "[OPTION]... -f FILE",
	"[OPTION]... --status [ADDRESS]", NULL
};
static const char *const examples[] = {
	"vsock-proxy tcp:8080 vsock:3:80",
	"reach port 80 of guest 3 as localhost:8080",
	"vsock-proxy vsock::5432 unix:/run/postgresql/.s.PGSQL.5432",
	"offer a local database to all guests",
	"vsock-proxy tcp:2222 vsock:3:22 tcp:2223 vsock:4:22",
	"two rules at once",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-e", "write the command as the target: exec:COMMAND" },
	{ "-L", "for ssh -L, write: vsock-proxy tcp:PORT vsock:CID:PORT; here it is a rate" },
	{ "-R", "write a rule: vsock-proxy vsock::PORT tcp:PORT" },
	{ "-N", "leave it out: no command is run" },
	{ "-g", "to listen on all interfaces, write tcp:*:PORT" },
	{ "-i", "here it is the idle timeout" },
	{ "-w", "here it is the limit to connect; the idle timeout is -i TIME" },
	{ "-k", "leave it out: vsock-proxy always keeps accepting connections" },
	{ "-p", "the port is part of the address: tcp:PORT" },
	{ "-d", "for more messages, write -v" },
	{ "-t", "for socat -t SECONDS, write --half-close-timeout TIME" },
	{ "-T", "the idle timeout is -i TIME" },
	{ "-u", "for UDP, write: vsock-proxy udp:PORT udp:HOST:PORT" },
	{ "-U", "write the address as unix:PATH" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-x", "to see the data, put vsock-listen -x FILE or vsock-cat -x FILE in its place" },
	{ "-S", "for ssh -S, write --status-socket ADDRESS" },
	{ "-O", "for ssh -O check, write --status" },
	{ "-b", "here it is a size; the address to listen on is part of a rule" },
	{ "-l", "write the address to listen on first: vsock-proxy LISTEN CONNECT" },
	{ "--config", "the rules themselves name the targets: LISTEN CONNECT" },
	{ "--num_workers", "one process serves all connections; to limit them, use --max-conns" },
	{ NULL, NULL },
};

/* What was asked for */

static bool is_local_place(const struct sockaddr_storage *sa)
{
	struct in6_addr ip;

	return ip_from_sockaddr((const struct sockaddr *)sa, &ip) ? ip_is_loopback(&ip)
								  : sa->ss_family != AF_VSOCK;
}

/* With --check the sockets may not have been passed yet. */
static bool is_local_passed(const struct addr *addr)
{
	int fds[ACTIVATION_MAX], count = activation_find(addr, fds, ACTIVATION_MAX);
	bool local = true;

	for (int i = 0; i < count; i++) {
		struct sockaddr_storage bound = { 0 };
		socklen_t size = sizeof(bound);

		(void)!getsockname(fds[i], (struct sockaddr *)&bound, &size);
		local = local && is_local_place(&bound);
		close(fds[i]);
	}
	return local;
}

/* Can only this machine reach it, as far as is known without asking for a name? */
static bool is_local(const struct addr *addr)
{
	struct places places;

	if (addr->family == ADDR_FD)
		return is_local_passed(addr);
	if (!addr_is_ip(addr))
		return addr->family != ADDR_VSOCK;
	if (!resolve_known(addr, ADDR_LISTEN, &places))
		return false;
	for (size_t i = 0; i < places.count; i++)
		if (!is_local_place(&places.place[i].sa))
			return false;
	return true;
}

/* --metrics and the like: read at the start, and listened on beside the rules. */
static int read_page_addr(const struct proxy *proxy, const char *option, const char *text,
			  struct addr *addr)
{
	struct addr_context context = { .role = ADDR_LISTEN, .program = log_program() };
	int status = common_addr(text, &context, addr);

	if (status || server_allows_somebody(&proxy->settings.serving.who) || is_local(addr))
		return status;
	log_error("%s %s: other machines could read it there", option, text);
	log_hint("add --allow, or use tcp:PORT or unix:PATH, which only this machine can reach");
	return STATUS_USAGE;
}

/* 0, or STATUS_USAGE after reporting that both options listen in the same place. */
static int compare_page_addrs(const struct proxy *proxy)
{
	if (!proxy->options.metrics || !proxy->options.status_socket ||
	    !proxy->status.addr.family ||
	    !rules_same_place(&proxy->metrics.addr, &proxy->status.addr))
		return 0;
	return log_failure(STATUS_USAGE,
			   "--status-socket %s: listened on twice, as in --metrics %s",
			   proxy->options.status_socket, proxy->options.metrics);
}

/* --status-socket, or the usual place if there is one. */
static int read_status_addr(struct proxy *proxy)
{
	struct addr *addr = &proxy->status.addr;

	if (proxy->options.status_socket && strcmp(proxy->options.status_socket, "none") == 0)
		return 0;
	if (proxy->options.status_socket)
		return read_page_addr(proxy, "--status-socket", proxy->options.status_socket, addr);
	if (proxy->options.check || !proxy_status_path(addr->name, sizeof(addr->name)))
		return 0;
	addr->family = ADDR_UNIX;
	return 0;
}

static int print_status(const struct proxy *proxy)
{
	return proxy_status(&(struct proxy_status){
		.address = proxy->word_count ? proxy->words[0] : NULL,
		.json = proxy->options.json,
		.conns = proxy->common.log.verbose > 0,
		.watch = proxy->options.watch,
		.interval = proxy->options.interval ? proxy->options.interval : NSEC_PER_SEC,
	});
}

/* What the files are before they are read: --reload-on-change compares them with it. */
static int note_files(struct proxy *proxy)
{
	const struct opt_list *files = &proxy->options.files;
	int error = 0;

	for (size_t i = 0; i < files->count && !error; i++)
		error = change_add(&proxy->change, files->entries[i].text);
	if (!error)
		return 0;
	log_error("%s", strerror(-error));
	return STATUS_FAILURE;
}

static int check_or_run(struct proxy *proxy)
{
	struct rules rules = { 0 };
	int status = common_user(proxy->options.user, &proxy->user);

	if (!status && proxy->options.reload_on_change && !proxy->options.check)
		status = note_files(proxy);
	if (!status && proxy->options.metrics)
		status = read_page_addr(proxy, "--metrics", proxy->options.metrics,
					&proxy->metrics.addr);
	if (!status)
		status = read_status_addr(proxy);
	if (!status)
		status = compare_page_addrs(proxy);
	if (!status)
		status = proxy_check_dests(&proxy->settings.passage);
	if (!status)
		status = proxy_load(proxy, supervisor_follows(), &rules);
	if (!status)
		status = proxy_check_dests_used(&proxy->settings.passage, &rules);
	if (!status && proxy->options.check && proxy->options.json)
		proxy_check_rules(&rules);
	if (!status && proxy->options.check)
		log_notice("%zu rule%s, no errors; nothing was started", rules.count,
			   rules.count == 1 ? "" : "s");
	else if (!status)
		status = proxy_run(proxy, &rules);
	rules_free(&rules);
	return status;
}

/* AWS has a program of this name, for Nitro Enclaves: vsock-proxy LOCAL_PORT HOST REMOTE_PORT. */
static bool is_other_program(size_t count, char *const *words)
{
	if (count != 3 || !is_number(words[0]) || !is_number(words[2]))
		return false;
	log_error("%s %s %s: these are arguments of the AWS program of the same name; here, a rule "
		  "is LISTEN CONNECT",
		  words[0], words[1], words[2]);
	log_hint(strchr(words[1], ':') ? "write: vsock-proxy vsock::%s tcp:[%s]:%s"
				       : "write: vsock-proxy vsock::%s tcp:%s:%s",
		 words[0], words[1], words[2]);
	return true;
}

/* What is wrong with options that only go together with others, or NULL. */
static const char *lone_option(const struct proxy_options *options)
{
	if (options->interval && !options->watch)
		return "--interval needs --watch";
	if (options->interval == UNITS_INF)
		return "--interval inf: --watch would never repeat";
	if (options->status)
		return NULL;
	if (options->watch)
		return "--watch needs --status";
	if (options->json && !options->check)
		return "--json needs --status or --check";
	if (options->reload_on_change && !options->files.count)
		return "--reload-on-change needs --rules";
	return NULL;
}

static int check_words(const struct proxy *proxy)
{
	const char *lone = lone_option(&proxy->options);

	if (lone)
		return log_failure(STATUS_USAGE, "%s", lone);
	if (proxy->options.status && proxy->word_count > 1)
		return log_failure(STATUS_USAGE,
				   "unexpected argument: %s: --status takes one ADDRESS",
				   proxy->words[1]);
	if (proxy->options.status)
		return 0;
	if (proxy->common.log.timestamps && proxy->word_count == 1 && is_number(proxy->words[0]))
		return log_failure(STATUS_USAGE,
				   "-D takes no number; for ssh -D PORT, write tcp:PORT socks5: "
				   "--allow-dest DEST");
	if (is_other_program(proxy->word_count, proxy->words))
		return STATUS_USAGE;
	if (proxy->word_count || proxy->options.files.count)
		return 0;
	log_error("no addresses given");
	return STATUS_USAGE;
}

static void clean_up(void *context)
{
	struct proxy *proxy = context;

	text_server_stop(&proxy->metrics);
	text_server_stop(&proxy->status);
	change_stop(&proxy->change);
	proxy->supervisor.server.settings.who = (struct opt_list){
		0
	}; /* shared with settings.serving */
	supervisor_free(&proxy->supervisor);
	opt_list_free(&proxy->settings.serving.who);
	opt_list_free(&proxy->settings.passage.dests);
	opt_list_free(&proxy->options.files);
	user_free(&proxy->user);
	user_free(&proxy->worker_user);
	program_free(&proxy->program);
}

static int run(void *context, const struct opt_program *program, int count, char **words,
	       char **command)
{
	struct proxy *proxy = context;
	int status;

	(void)program;
	(void)command;
	proxy->words = words;
	proxy->word_count = (size_t)count;
	proxy->supervisor.server.settings = proxy->settings.serving;
	server_limit(&proxy->supervisor.server, DESCRIPTORS_OURS, DESCRIPTORS_EACH);
	status = common_message_size(&proxy->settings.relaying);
	/* that of a process which follows another was for that one */
	if (!status && !supervisor_follows())
		status = server_check_ready(&proxy->settings.serving);
	if (!status)
		status = check_words(proxy);
	if (!status)
		status = proxy->options.status ? print_status(proxy) : check_or_run(proxy);
	return status;
}

int main(int argc, char **argv)
{
	static struct proxy proxy = {
		.looping = LOOP_DEFAULTS,
		.settings = { .serving = SERVER_DEFAULTS,
			      .dialling = DIAL_DEFAULTS,
			      .passage.udp_idle = 60 * NSEC_PER_SEC },
	};
	static const struct opt_table tables[] = {
		{ proxy_opts, &proxy.options },
		{ route_opts, &proxy.settings.routing },
		{ passage_opts, &proxy.settings.passage },
		{ listen_opts, &proxy.settings.serving },
		{ dial_opts, &proxy.settings.dialling },
		{ relay_opts, &proxy.settings.relaying },
		{ loop_opts, &proxy.looping },
		{ limit_opts, &proxy.settings.passage },
		{ common_opts, &proxy.common },
		{ NULL, NULL },
	};
	static const struct opt_table keys[] = {
		{ rule_opts, &proxy.settings.keys },	   { route_opts, &proxy.settings.routing },
		{ passage_opts, &proxy.settings.passage }, { listen_opts, &proxy.settings.serving },
		{ dial_opts, &proxy.settings.dialling },   { relay_opts, &proxy.settings.relaying },
		{ limit_opts, &proxy.settings.passage },   { NULL, NULL },
	};
	const struct tool tool = {
		.program = {
			.name = "vsock-proxy",
			.summary = "forward connections between vsock, TCP, UNIX sockets and "
				   "commands",
			.usage = usage,
			.examples = examples,
			.tables = tables,
			.foreign = foreign,
		},
		.common = &proxy.common,
		.operands = true,
		.run = run,
		.clean_up = clean_up,
		.context = &proxy,
		.signal = &proxy.supervisor.server.signal,
	};

	proxy.settings.relaying = relay_defaults;
	proxy.keys = keys;
	proxy.tables = tables;
	/* before the options are sorted: a restart runs the same words */
	if (program_remember(&proxy.program, argv)) {
		fprintf(stderr, "vsock-proxy: out of memory\n");
		return STATUS_FAILURE;
	}
	return tool_main(&tool, argc, argv);
}
