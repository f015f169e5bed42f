/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "net/explain-parts.h"

/* Sentences quote other processes and peers, and not every caller escapes what it prints. */
static void make_safe(char *text, size_t size)
{
	char escaped[sizeof(((struct explanation *)NULL)->what) +
		     sizeof(((struct explanation *)NULL)->hint)];

	utf8_escape(text, strlen(text), escaped, size);
	memcpy(text, escaped, strlen(escaped) + 1);
}

void explain_on(const struct machine *machine, const struct addr *addr,
		const struct failure *failure, struct explanation *explanation)
{
	struct diagnosis diagnosis = { machine, addr, failure, explanation, NULL };
	const struct cause *cause = explain_cause(addr, failure);

	*explanation = (struct explanation){ 0 };
	diagnosis_verdict(&diagnosis, cause->status, cause->may_heal, cause->end);
	diagnosis_what(&diagnosis, cause->what ? cause->what : "look-up failed");
	if (!cause->what)
		snprintf(explanation->what, sizeof(explanation->what), "look-up failed: %s",
			 gai_strerror(failure->error));
	if (cause->hint)
		diagnosis_hint(&diagnosis, cause->hint);
	if (cause->refine && machine)
		cause->refine(&diagnosis);
	make_safe(explanation->what, sizeof(explanation->what));
	make_safe(explanation->hint, sizeof(explanation->hint));
}

bool explain_is_shortage(int error)
{
	return fd_is_shortage(error) || error == EADDRNOTAVAIL || error == EAI_MEMORY;
}

bool explain_looks(const struct addr *addr, const struct failure *failure)
{
	return addr->family == ADDR_VSOCK && explain_cause(addr, failure)->refine;
}

#define TIMER_LATE (NSEC_PER_SEC / 10)

bool explain_same(const struct failure *failure, const struct failure *other)
{
	uint64_t a = failure->waited, b = other->waited;

	return failure->step == other->step && failure->error == other->error &&
	       (failure->error != ETIMEDOUT || (a > b ? a - b : b - a) < TIMER_LATE);
}

void explain_briefly(const struct addr *addr, const struct failure *failure,
		     struct explanation *explanation)
{
	const struct machine nothing = { .cid = ADDR_CID_ANY };

	/* the functions that refine of other families look at the address alone */
	explain_on(explain_looks(addr, failure) ? NULL : &nothing, addr, failure, explanation);
}

struct look {
	struct machine machine;
	bool guests;
};

static void look_at(void *context)
{
	struct look *look = context;

	machine_look(&look->machine, "", look->guests);
}

void explain(const struct addr *addr, const struct failure *failure,
	     struct explanation *explanation)
{
	/* Only functions that refine of vsock ask what the machine is, and only about a VM which
	 * guests it has. */
	struct look look = {
		.machine = { .cid = ADDR_CID_ANY },
		.guests = failure->step == STEP_CONNECT && failure->error != ECONNRESET &&
			  addr->cid > ADDR_CID_HOST,
	};

	if (explain_looks(addr, failure) &&
	    (!*addr->options.netns || netns_run(addr->options.netns, look_at, &look) < 0))
		look_at(&look);
	explain_on(&look.machine, addr, failure, explanation);
	machine_free(&look.machine);
}

static int say(const struct addr *addr, const struct explanation *why)
{
	char text[256];

	log_error("%s: %s", addr_format_short(addr, text, sizeof(text)), why->what);
	if (*why->hint)
		log_hint("%s", why->hint);
	return (int)why->status;
}

int explain_say(const struct addr *addr, const struct failure *failure)
{
	struct explanation why;

	explain(addr, failure, &why);
	return say(addr, &why);
}

int explain_say_briefly(const struct addr *addr, const struct failure *failure)
{
	struct explanation why;

	explain_briefly(addr, failure, &why);
	return say(addr, &why);
}

bool explain_deaf_listener(const struct machine *machine, const struct addr *addr,
			   struct explanation *explanation)
{
	struct failure failure = { .step = STEP_LISTEN, .error = ENODEV };
	struct diagnosis diagnosis = { machine, addr, &failure, explanation, NULL };

	*explanation = (struct explanation){ 0 };
	if (addr->family != ADDR_VSOCK || addr->cid != ADDR_CID_ANY ||
	    machine_has_transport(machine))
		return false;
	diagnosis_verdict(&diagnosis, STATUS_ABSENT, true, "refused");
	if (machine->virtio_device) {
		diagnosis_what(&diagnosis, "nobody can reach this listener yet: this VM has a "
					   "vsock device, but its driver is not loaded");
		diagnosis_fix(&diagnosis, EXPLAIN_TO_HOST);
		return true;
	}
	diagnosis_what(&diagnosis,
		       "nobody can reach this listener yet: no vsock transport is loaded");
	if (machine->dev_kvm.present && machine->vhost == MODULE_INSTALLED)
		diagnosis_hint(&diagnosis, "for VMs on this machine: sudo modprobe vhost_vsock; "
					   "for programs on it: sudo modprobe vsock_loopback");
	else
		diagnosis_fix(&diagnosis, EXPLAIN_TO_SELF);
	return true;
}
