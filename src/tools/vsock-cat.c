/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-cat: connects standard input and output to an address. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "serve/spawn.h"
#include "tools/cat.h"

#define STOP_GRACE (1 * NSEC_PER_SEC) /* what was read may still be written for so long after a signal */

static const struct opt cat_opts[] = {
#ifdef HAVE_LIBREADLINE
	{ .name = "interactive", .letter = 'I', .group = "Terminal", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "line by line, with editing and history", .offset = offsetof(struct cat_options, interactive) },
	{ .name = "history", .group = "Terminal", .type = OPT_TEXT, .value = "FILE",
	  .fallback = "~/.local/state/vsock/history", .text = "where --interactive keeps what was typed, or none",
	  .offset = offsetof(struct cat_options, history) },
#endif
	{ .name = "tty", .letter = 't', .group = "Terminal", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "raw terminal, for a shell at the far end; ~. ends", .offset = offsetof(struct cat_options, tty) },
	{ .name = "escape", .letter = 'e', .group = "Terminal", .type = OPT_TEXT, .value = "CHAR", .fallback = "~",
	  .text = "what stands for ~ in ~., or none", .offset = offsetof(struct cat_options, escape) },
	{ .name = "zero-io", .letter = 'z', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "connect, close, end: the status is the answer", .offset = offsetof(struct cat_options, zero_io) },
	{ .name = "pass-fd", .letter = 'F', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "send the connected socket through standard output and end, for ssh's ProxyUseFdpass",
	  .offset = offsetof(struct cat_options, pass_fd) },
	{ .name = "progress", .letter = 'p', .group = "Transfer", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "show bytes, time, rate and what is left: a bar on a terminal, else a line every 5 s",
	  .offset = offsetof(struct cat_options, progress) },
	{ .name = "size", .letter = 's', .group = "Transfer", .type = OPT_SIZE, .value = "SIZE", .fallback = "that of a file on stdin",
	  .text = "what is 100 % for --progress", .offset = offsetof(struct cat_options, size) },
	{ .name = "stats", .group = "Transfer", .type = OPT_FLAG, .text = "bytes, time and rates at the end",
	  .offset = offsetof(struct cat_options, stats) },
	{ .name = "dump", .letter = 'x', .group = "Transfer", .type = OPT_TEXT, .value = "FILE",
	  .text = "write what goes through as hex and text, with direction and time; - is stderr",
	  .offset = offsetof(struct cat_options, dump) },
	{ .name = "crlf", .letter = 'C', .group = "Transfer", .type = OPT_FLAG,
	  .text = "send LF as CR LF", .offset = offsetof(struct cat_options, crlf) },
	{ .name = "delay", .group = "Transfer", .type = OPT_TIME, .value = "TIME", .fallback = "0",
	  .text = "pause between lines sent", .flags = OPT_ZERO, .offset = offsetof(struct cat_options, delay) },
	{ .name = "send-only", .group = "Transfer", .type = OPT_FLAG,
	  .text = "write nothing to standard output: what arrives is thrown away", .offset = offsetof(struct cat_options, send_only) },
	{ .name = "receive-only", .group = "Transfer", .type = OPT_FLAG,
	  .text = "don't read standard input", .offset = offsetof(struct cat_options, receive_only) },
	{ .name = "recv-only", .group = "Transfer", .type = OPT_FLAG, .flags = OPT_HIDDEN,
	  .text = "receive-only, as ncat spells it", .offset = offsetof(struct cat_options, receive_only) },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]... ADDRESS", "[OPTION]... CID PORT", NULL };
static const char *const examples[] = {
	"vsock-cat 3 22", "talk to port 22 of the guest with CID 3",
	"tar c docs | vsock-cat 3:5000", "send; end of input is passed on, the answer is awaited",
	"ssh -o ProxyUseFdpass=yes -o ProxyCommand='vsock-cat -F %h 22' root@3", "log in over vsock",
	"vsock-cat --wait 60s -z 3:22", "wait until the guest listens there",
	NULL,
};
static const char *const conflicts[] = {
#ifdef HAVE_LIBREADLINE
	"interactive", "tty",
	"interactive", "zero-io",
	"interactive", "pass-fd",
	"interactive", "send-only",
	"interactive", "receive-only",
	"interactive", "progress",
#endif
	"send-only", "receive-only",
	"zero-io", "send-only",
	"zero-io", "receive-only",
	"pass-fd", "zero-io",
	"pass-fd", "send-only",
	"pass-fd", "receive-only",
	"pass-fd", "progress",
	"pass-fd", "stats",
	"pass-fd", "dump",
	"tty", "progress",
	"tty", "zero-io",
	"tty", "pass-fd",
	"tty", "send-only",
	"tty", "receive-only",
	"tty", "delay",
	"tty", "crlf",
	"receive-only", "delay",
	"receive-only", "crlf",
	"pass-fd", "delay",
	"pass-fd", "crlf",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-l", "to listen write: vsock-listen PORT" },
	{ "-c", "LF is sent as CR LF with -C" },
	{ "-N", "end of input is always passed on" },
	{ "-T", "the idle time-out is -i TIME" },
	{ "-U", "write the address as unix:PATH" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-d", "not to read standard input: --receive-only; to pause between lines: --delay TIME" },
	{ "-s", "to connect from an address write it behind the other: ADDRESS,bind=FROM" },
	{ "-j", "standard output is data here; messages as JSON: --log-format json" },
	{ "--json", "standard output is data here; messages as JSON: --log-format json" },
	{ "--vsock", "vsock is what CID PORT means anyway" },
	{ NULL, NULL },
};

static int start_dump(struct cat *cat)
{
	int error = cat->options.dump ? dump_open(&cat->dump, cat->options.dump) : 0;

	if (error) {
		log_error("--dump %s: %s", cat->options.dump, strerror(-error));
		return STATUS_FAILURE;
	}
	cat->relaying.tap = cat->options.dump ? &cat->dump.tap : NULL;
	return 0;
}

static void end_dump(struct cat *cat)
{
	int error = dump_close(&cat->dump);

	if (!error)
		return;
	log_error("--dump %s: %s", cat->dump.name, strerror(-error));
	if (cat->status == STATUS_DONE)
		cat->status = STATUS_FAILURE;
}

/* What changes the input on its way. 0 or STATUS_USAGE, said. */
static int start_filters(struct cat *cat)
{
	const struct cat_options *options = &cat->options;

	if ((options->crlf || options->delay) && cat->addr.seqpacket) {
		log_error("--%s is for streams, and this address has messages", options->crlf ? "crlf" : "delay");
		log_hint("--message-size line cuts standard input at line ends");
		return STATUS_USAGE;
	}
	crlf_start(&cat->crlf);
	cat->relaying.filter = options->crlf ? &cat->crlf.filter : NULL;
	cat->relaying.line_delay = options->delay;
	return 0;
}

/* -t and -e. After the dump. 0 or STATUS_USAGE, said. */
static int prepare_terminal(struct cat *cat)
{
	const struct cat_options *options = &cat->options;
	int escape = '~';

	if (options->escape && !options->tty) {
		log_error("--escape is for --tty, which was not asked for");
		return STATUS_USAGE;
	}
	if (options->escape && terminal_escape(options->escape, &escape) < 0) {
		log_error("--escape %s: not one character", options->escape);
		log_hint("~, ^X or none");
		return STATUS_USAGE;
	}
	if (options->history && !options->interactive) {
		log_error("--history is for --interactive, which was not asked for");
		return STATUS_USAGE;
	}
	if (options->interactive && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
		log_error("--interactive: standard input or output is not a terminal");
		return STATUS_USAGE;
	}
	if (!options->tty)
		return 0;
	if (!isatty(STDIN_FILENO)) {
		log_error("--tty: standard input is not a terminal");
		return STATUS_USAGE;
	}
	terminal_init(&cat->terminal, escape, cat->relaying.tap);
	cat->relaying.filter = &cat->terminal.filter;
	cat->relaying.tap = &cat->terminal.tap;
	return 0;
}

static void relay_done(struct loop *loop, struct relay *relay)
{
	struct cat *cat = (struct cat *)(void *)((char *)relay - offsetof(struct cat, relay));

	terminal_stop(&cat->terminal);
	interactive_stop(&cat->interactive);
	progress_end(&cat->progress);
	cat_log_done(cat);
	if (cat->options.stats)
		cat_log_stats(cat);
	cat->status = cat_judge(cat);
	end_dump(cat);
	relay_close(loop, relay);
	loop_stop(loop);
}

/* Standard input and output as one end of a relay. The originals are closed: what is behind them must see it when the
 * relay closes its own descriptors of them. 0 or a negative errno. */
static int open_standard(const struct cat_options *options, struct endpoint *end)
{
	int error = endpoint_stdio(options->receive_only ? -1 : STDIN_FILENO, options->send_only ? -1 : STDOUT_FILENO, end);

	if (!error && options->send_only) {
		end->out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		end->out_kind = ENDPOINT_FILE;
		if (end->out < 0) {
			error = -errno;
			endpoint_close(end);
		}
	}
	if (error)
		return error;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	return 0;
}

/* Before connecting: is there a socket to pass, and one to pass it through? 0 or STATUS_USAGE, said. */
static int check_pass(const struct addr *addr)
{
	int domain = 0;
	socklen_t size = sizeof(domain);
	char text[256];

	if (addr->family == ADDR_EXEC || addr->family == ADDR_STDIO) {
		log_error("%s: --pass-fd: no socket that could be passed", addr_format_short(addr, text, sizeof(text)));
		return STATUS_USAGE;
	}
	if (getsockopt(STDOUT_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX)
		return 0;
	log_error("--pass-fd: standard output is not a UNIX socket");
	log_hint("it is for ssh: ssh -o ProxyUseFdpass=yes -o ProxyCommand='vsock-cat -F %%h 22' HOST");
	return STATUS_USAGE;
}

/* Hands the socket over, blocking, as a program expects what it did not open itself. */
static void pass_fd(struct cat *cat, int fd)
{
	int error = cat->addr.family == ADDR_FD ? 0 : fd_nonblock(fd, false);

	if (!error)
		error = fd_pass(STDOUT_FILENO, fd);
	close(fd);
	if (!error)
		return;
	log_error("standard output: the socket can't be passed: %s", strerror(-error));
	cat->status = STATUS_FAILURE;
}

#ifdef HAVE_LIBREADLINE
/* The terminal, edited by readline, as one end of a relay. */
static int open_interactive(struct cat *cat, struct endpoint *end)
{
	addr_format_short(&cat->addr, cat->to, sizeof(cat->to));
	return interactive_start(&cat->interactive, cat->loop, cat->to, cat->options.history, end);
}
#else
static int open_interactive(struct cat *cat, struct endpoint *end)
{
	(void)cat;
	(void)end;
	return -ENOSYS;
}
void interactive_stop(struct interactive *interactive) { (void)interactive; }
void interactive_resized(struct interactive *interactive) { (void)interactive; }
void interactive_suspend(struct interactive *interactive) { (void)interactive; }
#endif

static void dial_done(struct loop *loop, struct dial *dial, int fd, const struct failure *failure)
{
	struct cat *cat = (struct cat *)(void *)((char *)dial - offsetof(struct cat, dial));
	struct endpoint end[2];
	uint64_t size = cat->options.size ? cat->options.size : progress_input_size(STDIN_FILENO);
	int error;

	log_progress_end();
	if (fd < 0) {
		cat->status = common_failed(&cat->addr, failure);
		loop_stop(loop);
		return;
	}
	cat_log_open(cat);
	if (cat->options.zero_io || cat->options.pass_fd) {
		if (cat->options.pass_fd)
			pass_fd(cat, fd);
		else
			close(fd);
		loop_stop(loop);
		return;
	}
	end[1] = dial_endpoint(&cat->addr, fd);
	error = cat->options.tty ? terminal_start(&cat->terminal, STDIN_FILENO, loop, &cat->relay) : 0;
	if (!error)
		error = cat->options.interactive ? open_interactive(cat, &end[0]) : open_standard(&cat->options, &end[0]);
	if (!error)
		error = relay_start(loop, &cat->relay, end, &cat->relaying, &cat->dial.watch, relay_done);
	if (error) {
		terminal_stop(&cat->terminal);
		log_error("standard input and output: %s", strerror(-error));
		cat->status = STATUS_FAILURE;
		loop_stop(loop);
		return;
	}
	cat->relayed = true;
	if (cat->options.progress && !cat->common.log.quiet)
		progress_start(&cat->progress, loop, &cat->relay, addr_format_short(&cat->addr, cat->to, sizeof(cat->to)), size,
		               cat->common.log.format == LOG_JSON);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct cat *cat = context;

	if (info->ssi_signo == SIGUSR1) {
		cat_show_counters(cat);
		return;
	}
	if (info->ssi_signo == SIGWINCH || info->ssi_signo == SIGCONT) {
		if (info->ssi_signo == SIGCONT)
			terminal_continued(&cat->terminal);
		terminal_resized(&cat->terminal);
		interactive_resized(&cat->interactive);
		return;
	}
	if (info->ssi_signo == SIGTSTP) {
		interactive_suspend(&cat->interactive);
		return;
	}
	if (cat->signal) { /* the second one */
		loop_stop(loop);
		return;
	}
	cat->signal = (int)info->ssi_signo;
	if (cat->relayed) {
		relay_stop(loop, &cat->relay, STOP_GRACE);
		return;
	}
	dial_cancel(&cat->dial);
	loop_stop(loop);
}

static int watch_signals(struct cat *cat)
{
	/* those from SIGQUIT on only with a terminal of which we changed the settings */
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGQUIT, SIGWINCH, SIGCONT, SIGTSTP };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct sigaction now;

		if (wanted[i] == SIGQUIT && !cat->options.tty && !cat->options.interactive)
			break;
		if (wanted[i] == SIGTSTP && !cat->options.interactive)
			break;
		/* nohup(1) and background jobs of a shell: what was ignored stays ignored */
		if (sigaction(wanted[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&signals, wanted[i]);
	}
	return loop_signals(cat->loop, &signals, on_signal, cat);
}

static int run(struct cat *cat)
{
	int error = loop_start(&cat->loop);

	if (!error)
		error = dialer_start(cat->loop, &cat->dialer);
	if (!error)
		error = watch_signals(cat);
	if (!error)
		dialer_exec(cat->dialer, spawn_connected);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	dial_start(cat->dialer, &cat->dial, &cat->addr, &cat->dialling, dial_done);
	error = loop_run(cat->loop);
	if (error) {
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return cat->status;
}

static int read_address(struct cat *cat, int count, char **words)
{
	struct addr_context context = {
		.role = ADDR_CONNECT,
		.flags = ADDR_SHORT,
		.program = log_program(),
		.hosts = &cat->hosts,
	};
	int status = common_hosts(&cat->hosts);

	if (status)
		return status;
	status = count == 2 ? common_addr_words(words[0], words[1], &context, &cat->addr)
	                    : common_addr(words[0], &context, &cat->addr);
	if (!status && cat->common.numeric)
		*cat->addr.alias = '\0';
	return status || !cat->options.pass_fd ? status : check_pass(&cat->addr);
}

/* nc's "-q 1 3:22": to us the number is one operand more. */
static bool quiet_with_number(int count, char **words)
{
	return count >= 2 && words[0][strspn(words[0], "0123456789")] == '\0' && (count > 2 || strpbrk(words[1], ":/"));
}

static int check_size(const struct cat_options *options)
{
	if (!options->size || options->progress)
		return 0;
	log_error("--size says what is 100 %% for --progress, which was not asked for");
	log_hint("nc's -s ADDRESS is an option of the address here: ADDRESS,bind=FROM");
	return STATUS_USAGE;
}

static int check_words(const struct opt_program *program, int count, char **words)
{
	if (opt_given(program, "quiet") && quiet_with_number(count, words)) {
		log_error("-q takes no number; nc's -q SECONDS is --half-close-timeout TIME"); /* -q has no hints */
		return STATUS_USAGE;
	}
	if (count == 2 && strcmp(words[0], "-") == 0) { /* socat's two addresses */
		log_error("one address too many: %s", words[1]);
		log_hint("standard input and output are one side anyway: write vsock-cat ADDRESS");
		return STATUS_USAGE;
	}
	if (count == 1 || count == 2)
		return 0;
	log_error(count == 0 ? "no address given" : "too many words: one ADDRESS, or CID and PORT");
	opt_usage(program);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	static struct cat cat = {
		.dialling = DIAL_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ cat_opts, &cat.options }, { dial_opts, &cat.dialling }, { relay_opts, &cat.relaying }, { common_opts, &cat.common },
		{ NULL, NULL },
	};
	const struct opt_program program = {
		.name = "vsock-cat",
		.summary = "connect standard input and output to an address",
		.usage = usage,
		.examples = examples,
		.tables = tables,
		.foreign = foreign,
		.conflicts = conflicts,
	};
	int first, status;

	common_start(program.name);
	cat.relaying = relay_defaults;
	cat.dialling.waiting = common_waiting;
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&cat.common.log);
	status = check_words(&program, argc - first, argv + first);
	if (!status)
		status = check_size(&cat.options);
	if (!status)
		status = common_message_size(&cat.relaying);
	if (!status)
		status = read_address(&cat, argc - first, argv + first);
	if (!status)
		status = start_filters(&cat);
	if (!status)
		status = start_dump(&cat);
	if (!status)
		status = prepare_terminal(&cat);
	if (!status)
		status = run(&cat);
	terminal_stop(&cat.terminal);
	interactive_stop(&cat.interactive);
	dialer_stop(cat.dialer);
	loop_free(cat.loop);
	hosts_free(&cat.hosts);
	if (cat.signal) {
		signal(cat.signal, SIG_DFL);
		raise(cat.signal);
	}
	return status;
}
