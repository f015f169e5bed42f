/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a cause becomes sentences: {cid} and the like in a template are replaced by what is known of
 * the address and the failure; and what fixes a machine that has no transport.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "net/explain-parts.h"

uint32_t diagnosis_bound_cid(const struct diagnosis *diagnosis)
{
	const struct addr *addr = diagnosis->addr;
	return addr->options.given & ADDR_OPT_BIND ? addr->options.bind_cid : addr->cid;
}

uint32_t diagnosis_bound_port(const struct diagnosis *diagnosis)
{
	const struct addr *addr = diagnosis->addr;
	if (!(addr->options.given & ADDR_OPT_BIND))
		return addr->port;
	return addr_is_ip(addr) ? addr->options.bind_tcp_port : addr->options.bind_port;
}

static char *cid_text(uint32_t cid, char *buf, size_t size)
{
	if (cid == ADDR_CID_ANY)
		snprintf(buf, size, "any CID");
	else
		snprintf(buf, size, "CID %u", cid);
	return buf;
}

#define NAME_SHOWN 97 /* of a path or host, with its NUL: two fit into a sentence */

static void escape(const char *text, char *buf, size_t size)
{
	utf8_escape(text, strlen(text), buf, size);
}

/* A port, or the service that was written instead. */
static void put_port(const struct addr *addr, uint32_t port, char *buf, size_t size)
{
	if (addr_is_ip(addr) && addr->service[0])
		escape(addr->service, buf, size);
	else
		snprintf(buf, size, "%u", port);
}

/* The path, or PATH_PORT, which a listener for hybrid vsock listens on. Of a command, its name. */
static void put_path(const struct diagnosis *diagnosis, char *buf, size_t size)
{
	const struct addr *addr = diagnosis->addr;
	bool listening = diagnosis->failure->step == STEP_BIND ||
			 diagnosis->failure->step == STEP_LISTEN;
	char path[NAME_SHOWN], number[12] = "", **words = NULL;

	if (addr->family == ADDR_MUX && listening)
		snprintf(number, sizeof(number), "_%u", addr->port);
	if (addr->family == ADDR_EXEC)
		(void)addr_exec_words(addr->name, &words);
	escape(words ? *words : addr->name, path, sizeof(path));
	free(words);
	snprintf(buf, size, "%s%s%s", addr->abstract ? "@" : "", path, number);
}

/* For a command that the hint shows: the whole path, as one word of the shell. */
static void put_file(const struct diagnosis *diagnosis, char *buf, size_t size)
{
	const struct addr *addr = diagnosis->addr;
	char path[sizeof(addr->name) + 16];

	snprintf(path, sizeof(path), "%s%s", addr->abstract ? "@" : "", addr->name);
	if (addr->family == ADDR_MUX &&
	    (diagnosis->failure->step == STEP_BIND || diagnosis->failure->step == STEP_LISTEN))
		snprintf(path, sizeof(path), "%s_%u", addr->name, addr->port);
	utf8_quote(path, buf, size);
}

static void put_file_directory(const struct addr *addr, char *buf, size_t size)
{
	const char *slash = strrchr(addr->name, '/');
	char path[sizeof(addr->name)];

	snprintf(path, sizeof(path), "%.*s",
		 (int)(slash == addr->name ? 1
		       : slash		   ? slash - addr->name
					   : 0),
		 addr->name);
	utf8_quote(slash ? path : ".", buf, size);
}

/* The same path as an address of a plain UNIX socket. */
static void put_unix(const struct addr *addr, bool seqpacket, char *buf, size_t size)
{
	struct addr plain = { .family = ADDR_UNIX,
			      .seqpacket = seqpacket,
			      .abstract = addr->abstract };
	char text[sizeof(addr->name) * 4 + 32];

	strlcpy(plain.name, addr->name, sizeof(plain.name));
	utf8_quote(addr_format_short(&plain, text, sizeof(text)), buf, size);
}

static void put_directory(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(buf, size, ".");
	else
		utf8_escape(path, slash == path ? 1 : (size_t)(slash - path), buf, size);
}

/* The words that describe the address. False: the word is none of them. */
static bool address_word(const struct diagnosis *diagnosis, const char *word, char *buf,
			 size_t size)
{
	const struct addr *addr = diagnosis->addr;
	size_t shown = size < NAME_SHOWN ? size : NAME_SHOWN;
	char cid[20];

	if (strcmp(word, "cid") == 0 && addr->alias[0])
		snprintf(buf, size, "%s (%.63s)", cid_text(addr->cid, cid, sizeof(cid)),
			 addr->alias);
	else if (strcmp(word, "cid") == 0)
		cid_text(addr->cid, buf, size);
	else if (strcmp(word, "bound") == 0)
		cid_text(diagnosis_bound_cid(diagnosis), buf, size);
	else if (strcmp(word, "port") == 0)
		put_port(addr, addr->port, buf, size);
	else if (strcmp(word, "bound-port") == 0 && addr->options.given & ADDR_OPT_BIND)
		snprintf(buf, size, "%u", diagnosis_bound_port(diagnosis));
	else if (strcmp(word, "bound-port") == 0)
		put_port(addr, addr->port, buf, size);
	else if (strcmp(word, "dial") == 0 && addr->alias[0]) /* what a user types */
		snprintf(buf, size, "%.*s", NAME_SHOWN, addr->alias);
	else if (strcmp(word, "dial") == 0)
		snprintf(buf, size, "%u", addr->cid);
	else if (strcmp(word, "name") == 0)
		put_path(diagnosis, buf, size);
	else if (strcmp(word, "file") == 0)
		put_file(diagnosis, buf, size);
	else if (strcmp(word, "dir") == 0)
		put_file_directory(addr, buf, size);
	else if (strcmp(word, "unix") == 0 || strcmp(word, "unix-seqpacket") == 0)
		put_unix(addr, strcmp(word, "unix") != 0, buf, size);
	else if (strcmp(word, "directory") == 0)
		put_directory(addr->name, buf, shown);
	else if (strcmp(word, "host") == 0)
		escape(addr->name[0] ? addr->name : "this machine", buf, shown);
	else if (strcmp(word, "netns") == 0)
		snprintf(buf, size, "%s", addr->options.netns);
	else if (strcmp(word, "ns") == 0 && *addr->options.netns)
		snprintf(buf, size, ",netns=%s", addr->options.netns);
	else if (strcmp(word, "within-ns") == 0 && *addr->options.netns)
		snprintf(buf, size, "nsenter --net=%s ",
			 netns_path(addr->options.netns, (char[NETNS_MAX + 16]){ 0 },
				    NETNS_MAX + 16));
	else if (strcmp(word, "family") == 0)
		snprintf(buf, size, "%s", addr_family_name(addr));
	else
		return false;
	return true;
}

static const char *wait_command; /* NULL: --wait can be added */

void explain_wait_by(const char *command)
{
	wait_command = command;
}

/* The text of one {word} of a template; "" if there is nothing to say. */
static void word_of(const struct diagnosis *diagnosis, const char *word, char *buf, size_t size)
{
	const struct failure *failure = diagnosis->failure;
	const char *program = log_program();
	bool within = strcmp(word, "within") == 0;
	char time[32];

	buf[0] = '\0';
	if (address_word(diagnosis, word, buf, size))
		return;
	if ((within || strcmp(word, "after") == 0) && failure->waited)
		snprintf(buf, size, " %s %s", within ? "in" : "after",
			 units_show_duration(failure->waited, time, sizeof(time)));
	else if (strcmp(word, "error") == 0)
		snprintf(buf, size, "%s", strerror(abs(failure->error)));
	else if (strcmp(word, "quoted") == 0 && failure->detail)
		snprintf(buf, size, " ('%.80s')", failure->detail);
	else if (strcmp(word, "detail") == 0 && failure->detail)
		snprintf(buf, size, "%s", failure->detail);
	else if (strcmp(word, "extra") == 0 && diagnosis->extra)
		snprintf(buf, size, "%s", diagnosis->extra);
	else if (strcmp(word, "wait") == 0)
		snprintf(buf, size, "%s", wait_command ? wait_command : "--wait 60s");
	else if (strcmp(word, "add-wait") == 0)
		snprintf(buf, size, "%s%s", wait_command ? "run " : "add ",
			 wait_command ? wait_command : "--wait 60s");
	else if (strcmp(word, "program") == 0)
		snprintf(buf, size, "%s", program ? program : "this program");
}

static void expand(const struct diagnosis *diagnosis, const char *template, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	while (*template && used + 1 < size) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		char word[16], text[256];
		int n;

		if (!end) {
			buf[used++] = *template ++;
			buf[used] = '\0';
			continue;
		}
		snprintf(word, sizeof(word), "%.*s", (int)(end - template - 1), template + 1);
		word_of(diagnosis, word, text, sizeof(text));
		n = snprintf(buf + used, size - used, "%s", text);
		used = n < 0 ? used : used + (size_t)n;
		template = end + 1;
	}
	if (used >= size) /* cut between characters */
		for (used = size - 1; used > 0 && ((unsigned char)buf[used - 1] & 0x80); used--)
			buf[used - 1] = '\0';
}

/* What a sentence says before its colon and without the words that depend on the address. */
static void take_word(const char *template, char *word, size_t size)
{
	size_t length;

	if (*template == '{')
		template = strchr(template, '}') + 1;
	template += *template == ' ';
	length = strcspn(template, ":{(");
	if (length >= size) /* a word less */
		for (length = size - 1; length && template[length] != ' ';)
			length--;
	while (length && template[length - 1] == ' ')
		length--;
	snprintf(word, size, "%.*s", (int)length, template);
}

void diagnosis_what(struct diagnosis *diagnosis, const char *template)
{
	expand(diagnosis, template, diagnosis->out->what, sizeof(diagnosis->out->what));
	take_word(template, diagnosis->out->word, sizeof(diagnosis->out->word));
}

void diagnosis_hint(struct diagnosis *diagnosis, const char *template)
{
	expand(diagnosis, template, diagnosis->out->hint, sizeof(diagnosis->out->hint));
}

void diagnosis_verdict(struct diagnosis *diagnosis, enum status status, bool may_heal,
		       const char *end)
{
	diagnosis->out->status = status;
	diagnosis->out->may_heal = may_heal;
	diagnosis->out->end = end;
}

/*
 * What fixes a machine
 */

static const struct fix {
	const char *module;
	size_t state; /* offset in struct machine */
} fixes[] = {
	[EXPLAIN_TO_GUESTS] = { "vhost_vsock", offsetof(struct machine, vhost) },
	[EXPLAIN_TO_HOST] = { "vmw_vsock_virtio_transport", offsetof(struct machine, virtio) },
	[EXPLAIN_TO_SELF] = { "vsock_loopback", offsetof(struct machine, loopback) },
};

char *explain_fix(const struct machine *machine, enum explain_transport transport, char *buf,
		  size_t size)
{
	const struct fix *fix = &fixes[transport];
	enum machine_module state = *(
		const enum machine_module *)(const void *)((const char *)machine + fix->state);
	if (transport == EXPLAIN_TO_HOST && !machine->virtio_device && state != MODULE_INSTALLED)
		snprintf(buf, size,
			 "give this VM a vsock device (qemu: -device vhost-vsock-pci,guest-cid=3)");
	else if (state == MODULE_ABSENT && !machine->loads_modules)
		snprintf(buf, size,
			 "use another kernel: this one has no %s, and cannot load modules",
			 fix->module);
	else if (machine->container)
		snprintf(buf, size, "sudo modprobe %s, outside the container", fix->module);
	else if (state == MODULE_ABSENT && machine->modules_known)
		snprintf(buf, size,
			 "this kernel has no %s: install the package with its extra modules "
			 "(linux-modules-extra, kernel-modules), then run sudo modprobe %s",
			 fix->module, fix->module);
	else
		snprintf(buf, size, "sudo modprobe %s", fix->module);
	return buf;
}

void diagnosis_fix(struct diagnosis *diagnosis, enum explain_transport transport)
{
	explain_fix(diagnosis->machine, transport, diagnosis->out->hint,
		    sizeof(diagnosis->out->hint));
}
