/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What vsock-cat reads, checks and opens before it connects. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "net/socket.h"
#include "cat/cat.h"

/* Checks before connecting that there is a socket to pass, and one to pass it through. 0, or
 * STATUS_USAGE after reporting the mistake. */
static int check_pass(const struct addr *addr)
{
	char text[256];

	if (addr->family == ADDR_EXEC || addr->family == ADDR_STDIO)
		return log_failure(STATUS_USAGE,
				   "%s: --pass-fd: this address has no socket to pass",
				   addr_format_short(addr, text, sizeof(text)));
	if (socket_option(STDOUT_FILENO, SO_DOMAIN) == AF_UNIX)
		return 0;
	log_error("--pass-fd: standard output is not a UNIX socket");
	log_hint("use it with ssh: ssh -o ProxyUseFdpass=yes -o ProxyCommand='vsock-cat -F %%h 22' "
		 "HOST");
	return STATUS_USAGE;
}

/* With --zero-io and --pass-fd nothing is relayed: the options of the relay would have no effect.
 * 0, or STATUS_USAGE after reporting the mistake. */
static int check_relaying(const struct opt_program *program, const struct cat_options *options)
{
	const char *chosen = options->zero_io ? "zero-io" : options->pass_fd ? "pass-fd" : NULL;

	for (const struct opt *row = relay_opts; chosen && row->name; row++) {
		if (!opt_given(program, row->name))
			continue;
		log_error("--%s has no effect here: with --%s nothing is relayed", row->name,
			  chosen);
		return STATUS_USAGE;
	}
	return 0;
}

/* Checks that there is something to test: a command would only be started and left alone. */
static int check_test(const struct addr *addr)
{
	char text[256];

	if (addr->family != ADDR_EXEC)
		return 0;
	log_error("%s: --zero-io: a command has no port to test",
		  addr_format_short(addr, text, sizeof(text)));
	return STATUS_USAGE;
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
	addr_format_short(&cat->addr, cat->to, sizeof(cat->to));
	if (!status && cat->options.pass_fd)
		status = check_pass(&cat->addr);
	if (!status && cat->options.zero_io)
		status = check_test(&cat->addr);
	return status;
}

/* Flags here that take a number in other tools, and what to write instead. */
static const struct {
	const char *name, *text;
} numbered[] = {
	{ "quiet", "-q takes no number; for nc -q SECONDS, write --half-close-timeout TIME" },
	{ "tty", "-t takes no number; for socat -t SECONDS, write --half-close-timeout TIME" },
#ifdef HAVE_LIBREADLINE
	{ "interactive", "-I takes no number; for nc -I LENGTH, write ADDRESS,window=SIZE" },
#endif
	{ "timestamps", "-D takes no number; for ssh -D PORT, write vsock-proxy tcp:PORT socks5: "
			"--allow-dest DEST" },
};

/* nc's "-q 1 3:22": to us the number is one operand more. NULL or what to write. */
static const char *flag_with_number(const struct opt_program *program, int count, char **words)
{
	if (count < 2 || words[0][strspn(words[0], "0123456789")] != '\0' ||
	    (count == 2 && !strpbrk(words[1], ":/")))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(numbered); i++)
		if (opt_given(program, numbered[i].name))
			return numbered[i].text;
	return NULL;
}

static int check_words(const struct opt_program *program, int count, char **words)
{
	const char *number = flag_with_number(program, count, words);

	if (number)
		return log_failure(STATUS_USAGE, "%s", number);
	if (count == 2 && strcmp(words[0], "-") == 0) { /* socat's two addresses */
		log_error("unexpected argument: %s", words[1]);
		log_hint(
			"vsock-cat always uses standard input and output: write vsock-cat ADDRESS");
		return STATUS_USAGE;
	}
	if (opt_given(program, "pass-fd") && (count > 2 || (count == 2 && strchr(words[1], ':')))) {
		log_error("-F takes no file: %s", words[0]);
		log_hint("for ssh -F FILE: names of machines are in /etc/vsock/hosts");
		return STATUS_USAGE;
	}
	if (count == 1 || count == 2)
		return 0;
	log_error(count == 0 ? "no address given"
			     : "too many arguments: give one ADDRESS, or CID and PORT");
	opt_usage(program);
	return STATUS_USAGE;
}

/* Checks --delay. 0, or STATUS_USAGE after reporting the mistake. */
static int prepare_delay(struct cat *cat)
{
	cat->relaying.line_delay = cat->options.delay;
	if (!cat->options.delay || !cat->addr.seqpacket)
		return 0;
	log_error("--delay is for streams, but this address carries messages");
	log_hint("--message-size line sends each line as a message");
	return STATUS_USAGE;
}

/* Prepares -t and -e, after the taps of the traffic. 0, or STATUS_USAGE after reporting the
 * mistake. */
static int prepare_terminal(struct cat *cat)
{
	const struct cat_options *options = &cat->options;
	int escape = '~';

	if (options->escape && !options->tty) {
		log_error("--escape needs --tty");
		log_hint("to run a command for each connection, write: vsock-listen ADDRESS -- "
			 "COMMAND");
		return STATUS_USAGE;
	}
	if (options->escape && terminal_escape(options->escape, &escape) < 0) {
		log_error("--escape %s: not a single character", options->escape);
		log_hint("write ~, ^X or none");
		return STATUS_USAGE;
	}
	if (options->history && !options->interactive)
		return log_failure(STATUS_USAGE, "--history needs --interactive");
	if (options->interactive && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return log_failure(STATUS_USAGE,
				   "--interactive: standard input or output is not a terminal");
	if (!options->tty)
		return 0;
	if (!isatty(STDIN_FILENO))
		return log_failure(STATUS_USAGE, "--tty: standard input is not a terminal");
	terminal_init(&cat->terminal, escape, cat->relaying.tap);
	cat->relaying.filter = &cat->terminal.filter;
	cat->relaying.tap = &cat->terminal.tap;
	return 0;
}

int cat_prepare(struct cat *cat, const struct opt_program *program, int count, char **words)
{
	int status = check_words(program, count, words);

	if (!status)
		status = check_relaying(program, &cat->options);
	if (!status)
		status = common_message_size(&cat->relaying);
	if (!status)
		status = read_address(cat, count, words);
	if (!status)
		status = prepare_delay(cat);
	if (!status)
		status = traffic_open(&cat->traffic, &cat->options.traffic, &cat->addr, 0,
				      &cat->relaying);
	if (!status)
		status = prepare_terminal(cat);
	return status;
}
