/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a cause becomes sentences; the causes themselves are in explain-causes.c. */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "net/explain-parts.h"

/*
 * Templates
 */

uint32_t story_bound_cid(const struct story *story)
{
	const struct addr *addr = story->addr;
	return addr->options.given & ADDR_OPT_BIND ? addr->options.bind_cid : addr->cid;
}

uint32_t story_bound_port(const struct story *story)
{
	const struct addr *addr = story->addr;
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
	log_escape(text, strlen(text), buf, size);
}

/* The text of one {word} of a template. */
static void word_of(const struct story *story, const char *word, char *buf, size_t size)
{
	const struct addr *addr = story->addr;
	char text[192];
	buf[0] = '\0';
	if (strcmp(word, "cid") == 0) {
		cid_text(addr->cid, text, sizeof(text));
		if (addr->alias[0])
			snprintf(buf, size, "%.20s (%.63s)", text, addr->alias);
		else
			snprintf(buf, size, "%s", text);
	} else if (strcmp(word, "bound") == 0) {
		cid_text(story_bound_cid(story), buf, size);
	} else if (strcmp(word, "port") == 0) {
		if (addr_is_ip(addr) && addr->service[0])
			escape(addr->service, buf, size);
		else
			snprintf(buf, size, "%u", addr->port);
	} else if (strcmp(word, "bound-port") == 0) {
		if (addr_is_ip(addr) && addr->service[0] && !(addr->options.given & ADDR_OPT_BIND))
			escape(addr->service, buf, size);
		else
			snprintf(buf, size, "%u", story_bound_port(story));
	} else if (strcmp(word, "dial") == 0) {
		/* what a user types: the name if one was written */
		if (addr->alias[0])
			snprintf(buf, size, "%.*s", NAME_SHOWN, addr->alias);
		else
			snprintf(buf, size, "%u", addr->cid);
	} else if (strcmp(word, "name") == 0) {
		/* who listens on a hybrid address listens on PATH_PORT */
		bool listening = story->failure->step == STEP_BIND || story->failure->step == STEP_LISTEN;
		char number[12] = "";
		if (addr->family == ADDR_MUX && listening)
			snprintf(number, sizeof(number), "_%u", addr->port);
		escape(addr->name, text, NAME_SHOWN);
		snprintf(buf, size, "%s%.*s%s", addr->abstract ? "@" : "", NAME_SHOWN, text, number);
	} else if (strcmp(word, "folder") == 0) {
		const char *slash = strrchr(addr->name, '/');
		if (!slash)
			snprintf(buf, size, ".");
		else
			log_escape(addr->name, slash == addr->name ? 1 : (size_t)(slash - addr->name), buf, size < NAME_SHOWN ? size : NAME_SHOWN);
	} else if (strcmp(word, "host") == 0) {
		escape(addr->name[0] ? addr->name : "this machine", buf, size < NAME_SHOWN ? size : NAME_SHOWN);
	} else if (strcmp(word, "family") == 0) {
		snprintf(buf, size, "%s", addr_family_name(addr));
	} else if (strcmp(word, "within") == 0) {
		if (story->failure->waited)
			snprintf(buf, size, " in %s", units_show_duration(story->failure->waited, text, sizeof(text)));
	} else if (strcmp(word, "after") == 0) {
		if (story->failure->waited)
			snprintf(buf, size, " after %s", units_show_duration(story->failure->waited, text, sizeof(text)));
	} else if (strcmp(word, "error") == 0) {
		snprintf(buf, size, "%s", strerror(story->failure->error < 0 ? -story->failure->error : story->failure->error));
	} else if (strcmp(word, "quoted") == 0) {
		if (story->failure->detail)
			snprintf(buf, size, " ('%.80s')", story->failure->detail);
	} else if (strcmp(word, "detail") == 0) {
		snprintf(buf, size, "%s", story->failure->detail ? story->failure->detail : "");
	} else if (strcmp(word, "program") == 0) {
		const char *program = log_program();
		snprintf(buf, size, "%s", program ? program : "this program");
	}
}

static void expand(const struct story *story, const char *template, char *buf, size_t size)
{
	size_t used = 0;
	buf[0] = '\0';
	while (*template && used + 1 < size) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		if (!end) {
			buf[used++] = *template++;
			buf[used] = '\0';
			continue;
		}
		char word[16], text[192];
		snprintf(word, sizeof(word), "%.*s", (int)(end - template - 1), template + 1);
		word_of(story, word, text, sizeof(text));
		int n = snprintf(buf + used, size - used, "%s", text);
		used = n < 0 ? used : used + (size_t)n;
		template = end + 1;
	}
	if (used >= size) /* cut between characters */
		for (used = size - 1; used > 0 && ((unsigned char)buf[used - 1] & 0x80); used--)
			buf[used - 1] = '\0';
}

void story_what(struct story *story, const char *template)
{
	expand(story, template, story->out->what, sizeof(story->out->what));
}

void story_hint(struct story *story, const char *template)
{
	expand(story, template, story->out->hint, sizeof(story->out->hint));
}

void story_verdict(struct story *story, enum status status, bool may_heal, const char *end)
{
	story->out->status = status;
	story->out->may_heal = may_heal;
	story->out->end = end;
}

/*
 * What mends a machine
 */

static const struct mend {
	const char *module;
	size_t state; /* offset in struct machine */
} mends[] = {
	[EXPLAIN_TO_GUESTS] = { "vhost_vsock", offsetof(struct machine, vhost) },
	[EXPLAIN_TO_HOST] = { "vmw_vsock_virtio_transport", offsetof(struct machine, virtio) },
	[EXPLAIN_TO_SELF] = { "vsock_loopback", offsetof(struct machine, loopback) },
};

char *explain_mend(const struct machine *machine, enum explain_transport transport, char *buf, size_t size)
{
	const struct mend *mend = &mends[transport];
	enum machine_module state = *(const enum machine_module *)(const void *)((const char *)machine + mend->state);
	if (transport == EXPLAIN_TO_HOST && !machine->virtio_device && state != MODULE_INSTALLED)
		snprintf(buf, size, "give this VM a vsock device (qemu: -device vhost-vsock-pci,guest-cid=3)");
	else if (state == MODULE_ABSENT && !machine->loads_modules)
		snprintf(buf, size, "another kernel: this one has no %s, and loads no modules", mend->module);
	else if (machine->container)
		snprintf(buf, size, "sudo modprobe %s, outside of the container", mend->module);
	else if (state == MODULE_ABSENT && machine->modules_known)
		snprintf(buf, size, "this kernel has no %s: install the package of its further modules (linux-modules-extra, kernel-modules), then sudo modprobe %s", mend->module, mend->module);
	else
		snprintf(buf, size, "sudo modprobe %s", mend->module);
	return buf;
}

void story_mend(struct story *story, enum explain_transport transport)
{
	explain_mend(story->machine, transport, story->out->hint, sizeof(story->out->hint));
}

/*
 * Telling
 */

void explain_on(const struct machine *machine, const struct addr *addr, const struct failure *failure,
                struct explanation *explanation)
{
	*explanation = (struct explanation){ 0 };
	struct story story = { machine, addr, failure, explanation };
	const struct cause *cause = explain_cause(addr, failure);
	story_verdict(&story, cause->status, cause->may_heal, cause->end);
	if (cause->what)
		story_what(&story, cause->what);
	else
		snprintf(explanation->what, sizeof(explanation->what), "look-up failed: %s", gai_strerror(failure->error));
	if (cause->hint)
		story_hint(&story, cause->hint);
	if (cause->judge)
		cause->judge(&story);
}

void explain(const struct addr *addr, const struct failure *failure, struct explanation *explanation)
{
	/* Only judges of vsock ask what the machine is, and only about a VM which guests it has. */
	struct machine machine = { .cid = ADDR_CID_ANY };
	if (addr->family == ADDR_VSOCK && explain_cause(addr, failure)->judge)
		machine_look(&machine, "", failure->step == STEP_CONNECT && failure->error != ECONNRESET && addr->cid > ADDR_CID_HOST);
	explain_on(&machine, addr, failure, explanation);
	machine_free(&machine);
}

int explain_say(const struct addr *addr, const struct failure *failure)
{
	struct explanation why;
	char text[256];

	explain(addr, failure, &why);
	log_error("%s: %s", addr_format_short(addr, text, sizeof(text)), why.what);
	if (*why.hint)
		log_hint("%s", why.hint);
	return (int)why.status;
}

bool explain_deaf_listener_on(const struct machine *machine, const struct addr *addr, struct explanation *explanation)
{
	*explanation = (struct explanation){ 0 };
	if (addr->family != ADDR_VSOCK || addr->cid != ADDR_CID_ANY || machine_has_transport(machine))
		return false;
	struct failure failure = { .step = STEP_LISTEN, .error = ENODEV };
	struct story story = { machine, addr, &failure, explanation };
	story_verdict(&story, STATUS_ABSENT, true, "refused");
	if (machine->virtio_device) {
		story_what(&story, "nobody can reach this listener yet: this VM has a vsock device, but its driver is not loaded");
		story_mend(&story, EXPLAIN_TO_HOST);
		return true;
	}
	story_what(&story, "nobody can reach this listener yet: no vsock transport is loaded");
	if (machine->dev_kvm.present && machine->vhost == MODULE_INSTALLED)
		story_hint(&story, "for VMs that run here: sudo modprobe vhost_vsock; for programs of this machine: sudo modprobe vsock_loopback");
	else
		story_mend(&story, EXPLAIN_TO_SELF);
	return true;
}

bool explain_deaf_listener(const struct addr *addr, struct explanation *explanation)
{
	struct machine machine = { .cid = ADDR_CID_ANY };
	*explanation = (struct explanation){ 0 };
	if (addr->family != ADDR_VSOCK || addr->cid != ADDR_CID_ANY)
		return false;
	machine_look(&machine, "", false);
	bool deaf = explain_deaf_listener_on(&machine, addr, explanation);
	machine_free(&machine);
	return deaf;
}
