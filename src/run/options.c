/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of vsock-run, and the request that they and the words make. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "run/run.h"

const struct opt run_opts[] = {
	{ .name = "tty",
	  .letter = 't',
	  .group = "Command",
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .text = "run the command on a terminal (~. quits)",
	  .offset = offsetof(struct run_options, tty) },
	{ .name = "shell",
	  .type = OPT_FLAG,
	  .flags = OPT_BRIEF,
	  .text = "join the words with spaces and run sh -c, as ssh does",
	  .offset = offsetof(struct run_options, shell) },
	{ .name = "detach",
	  .type = OPT_FLAG,
	  .text = "leave the command running if the connection breaks",
	  .offset = offsetof(struct run_options, detach) },
	{ .name = "env",
	  .type = OPT_LIST,
	  .value = "NAME[=VALUE]",
	  .flags = OPT_BRIEF,
	  .text = "set a variable; without a value, as it is here",
	  .offset = offsetof(struct run_options, environment) },
	{ .name = "cwd",
	  .type = OPT_TEXT,
	  .value = "DIR",
	  .fallback = "home",
	  .flags = OPT_BRIEF,
	  .text = "run the command in DIR of the guest",
	  .offset = offsetof(struct run_options, directory) },
	{ .name = "user",
	  .type = OPT_TEXT,
	  .value = "NAME",
	  .flags = OPT_BRIEF,
	  .text = "run it as this user; the server must permit that",
	  .offset = offsetof(struct run_options, user) },
	{ 0 },
};

const struct opt_foreign run_foreign[] = {
	{ "-p", "the port follows the CID: vsock-run CID:PORT" },
	{ "-l", "for ssh -l NAME, write: vsock-run --user NAME GUEST" },
	{ "-T", "without -t there is no terminal" },
	{ "-e", "the escape character is always ~; for ssh -e none, leave out -t" },
	{ "-N", "to forward ports, use vsock-proxy" },
	{ "-L", "to forward ports, write: vsock-proxy tcp:PORT vsock:CID:PORT" },
	{ "-i", "there are no keys: the server admits CIDs, see --allow in vsock-listen(1)" },
	{ NULL, NULL },
};

static int read_address(struct run *run, const char *word)
{
	struct addr_context context = {
		.role = ADDR_CONNECT,
		.flags = ADDR_SHORT | ADDR_PORT_OPTIONAL,
		.program = log_program(),
		.hosts = &run->hosts,
	};
	int status = common_hosts(&run->hosts);

	if (!status)
		status = common_addr(word, &context, &run->addr);
	if (status)
		return status;
	if ((run->addr.family == ADDR_VSOCK || run->addr.family == ADDR_MUX) &&
	    !run->addr.has_port) {
		run->addr.port = run->addr.port_last = RUN_PORT;
		run->addr.has_port = true;
	}
	if (run->common.numeric)
		*run->addr.alias = '\0';
	addr_format_short(&run->addr, run->to, sizeof(run->to));
	if (run->addr.seqpacket || run->addr.family == ADDR_EXEC || run->addr.family == ADDR_FD ||
	    run->addr.family == ADDR_STDIO)
		return log_failure(
			STATUS_USAGE,
			"%s: vsock-run needs an address that it can connect to more than once, "
			"for streams",
			run->to);
	return 0;
}

/* What --shell runs. */
static int join_words(struct run *run)
{
	size_t size = 1;
	char *joined, *end;

	for (int i = 0; i < run->words; i++)
		size += strlen(run->command[i]) + 1;
	joined = calloc(1, size);
	if (!joined)
		return -ENOMEM;
	end = joined;
	for (int i = 0; i < run->words; i++) {
		end = stpcpy(end, i ? " " : "");
		end = stpcpy(end, run->command[i]);
	}
	run->request.argv = calloc(4, sizeof(*run->request.argv));
	if (run->request.argv) {
		run->request.argv[0] = strdup("sh");
		run->request.argv[1] = strdup("-c");
		run->request.argv[2] = joined;
		run->request.argc = 3;
		return run->request.argv[0] && run->request.argv[1] ? 0 : -ENOMEM;
	}
	free(joined);
	return -ENOMEM;
}

static int copy_words(struct run *run)
{
	size_t count = (size_t)run->words;

	run->request.argv = calloc(count + 1, sizeof(*run->request.argv));
	if (!run->request.argv)
		return -ENOMEM;
	for (run->request.argc = 0; run->request.argc < count; run->request.argc++) {
		char *copy = strdup(run->command[run->request.argc]);

		if (!copy)
			return -ENOMEM;
		run->request.argv[run->request.argc] = copy;
	}
	return 0;
}

static char *make_variable(const char *text)
{
	const char *value = getenv(text);
	char *variable;

	if (strchr(text, '='))
		return strdup(text);
	if (asprintf(&variable, "%s=%s", text, value) < 0)
		return NULL;
	return variable;
}

static int make_environment(struct run *run)
{
	const struct opt_list *list = &run->options.environment;

	run->request.environment = calloc(list->count + 1, sizeof(*run->request.environment));
	if (!run->request.environment)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		const char *text = list->entries[i].text;
		char *variable;

		if (*text == '\0' || *text == '=')
			return log_failure(STATUS_USAGE, "--env %s: a variable needs a name", text);
		if (!strchr(text, '=') && !getenv(text))
			continue;
		variable = make_variable(text);
		if (!variable)
			return -ENOMEM;
		run->request.environment[run->request.variables++] = variable;
	}
	return 0;
}

/* Standard input ends at once, because it could be cut off. */
static int detach(struct run *run)
{
	int null;

	if (run->options.tty || !run->words) {
		log_error(run->options.tty ? "--detach and --tty cannot be used together"
					   : "--detach needs a command");
		return STATUS_USAGE;
	}
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	close(null);
	run->request.outlives = true;
	return 0;
}

static int make_request(struct run *run)
{
	const char *term = getenv("TERM"), *directory = run->options.directory,
		   *user = run->options.user;
	struct winsize size;
	int error = run->options.detach ? detach(run) : 0;

	if (error)
		return error;
	run->request.terminal = run->options.tty || (!run->words && isatty(STDIN_FILENO));
	run->raw = run->request.terminal && isatty(STDIN_FILENO);
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		run->request.window = (struct run_window){ .rows = size.ws_row,
							   .columns = size.ws_col };
	else
		run->request.window = (struct run_window){ .rows = 24, .columns = 80 };
	run->request.term = strdup(term ? term : "");
	run->request.directory = strdup(directory ? directory : "");
	if (user && !*user)
		return log_failure(STATUS_USAGE, "--user '': give a name");
	run->request.user = strdup(user ? user : "");
	if (!run->request.term || !run->request.directory || !run->request.user)
		return -ENOMEM;
	error = run->options.shell && run->words ? join_words(run) : copy_words(run);
	if (!error)
		error = make_environment(run);
	if (error)
		return error;
	if (run->request.argc <= RUN_WORDS_MAX && run->request.variables <= RUN_WORDS_MAX)
		return 0;
	log_error("more than %d arguments or variables", RUN_WORDS_MAX);
	return STATUS_USAGE;
}

int run_prepare(struct run *run, int count, char **words)
{
	int status;

	if (!count)
		return log_failure(STATUS_USAGE, "no guest given");
	status = read_address(run, words[0]);
	if (status)
		return status;
	run->command = words + 1;
	run->words = count - 1;
	/* "vsock-run web -- make test" */
	if (run->words && strcmp(run->command[0], "--") == 0) {
		run->command++;
		run->words--;
	}
	status = make_request(run);
	if (status >= 0)
		return status;
	log_error("%s", strerror(-status));
	return STATUS_FAILURE;
}

void run_free_prepared(struct run *run)
{
	run_free_request(&run->request);
	opt_list_free(&run->options.environment);
	hosts_free(&run->hosts);
}
