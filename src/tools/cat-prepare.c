/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What vsock-cat reads, checks and opens before it connects. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/cat.h"

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

/* --delay. 0 or STATUS_USAGE, said. */
static int prepare_delay(struct cat *cat)
{
	cat->relaying.line_delay = cat->options.delay;
	if (!cat->options.delay || !cat->addr.seqpacket)
		return 0;
	log_error("--delay is for streams, and this address has messages");
	log_hint("--message-size line cuts standard input at line ends");
	return STATUS_USAGE;
}

/* -t and -e. After the traffic's taps. 0 or STATUS_USAGE, said. */
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

int cat_prepare(struct cat *cat, const struct opt_program *program, int count, char **words)
{
	int status = check_words(program, count, words);

	if (!status)
		status = check_size(&cat->options);
	if (!status)
		status = common_message_size(&cat->relaying);
	if (!status)
		status = read_address(cat, count, words);
	if (!status)
		status = prepare_delay(cat);
	if (!status)
		status = traffic_open(&cat->traffic, &cat->options.traffic, &cat->addr, 0, &cat->relaying);
	if (!status)
		status = prepare_terminal(cat);
	return status;
}
