/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check-judge: what happened on a connection that was checked, from the results of both ends. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/machine.h"
#include "ping/check.h"

static void say(struct verdict *verdict, enum symptom symptom, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct verdict *verdict, enum symptom symptom, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	verdict->symptom = symptom;
	vsnprintf(verdict->what, sizeof(verdict->what), format, args);
	va_end(args);
}

static const char *how_it_ended(const struct check_result *result)
{
	static const char *const ends[] = {
		[CHECK_STALLED] = "then nothing more",
		[CHECK_ENDED] = "then end of file",
		[CHECK_BROKE] = "then a reset",
		[CHECK_CLOSED] = "then the connection was closed",
		[CHECK_NO_BUFFERS] = "then the kernel had no buffer space",
		[CHECK_SURPLUS] = "then more than was sent",
		[CHECK_FAILED] = "then an error",
	};

	return result->outcome < ARRAY_SIZE(ends) && ends[result->outcome] ? ends[result->outcome]
									   : "as far as is known";
}

/* The content of what arrived. to is the receiver, "here" or "there". */
static bool wrong_bytes(const struct check_result *result, uint64_t expected, const char *to,
			struct verdict *verdict)
{
	bool missing = result->from > result->at;

	switch ((enum check_wrong)result->wrong) {
	case CHECK_RIGHT:
		return false;
	case CHECK_CHANGED:
		say(verdict, SYMPTOM_CHANGED, "byte %" PRIu64 " arrived %s as another one",
		    result->at + 1, to);
		return true;
	case CHECK_FOREIGN:
		say(verdict, SYMPTOM_FOREIGN,
		    "byte %" PRIu64 " that arrived %s is of another connection", result->at + 1,
		    to);
		return true;
	case CHECK_BOUNDARY:
		say(verdict, SYMPTOM_BOUNDARY,
		    "the message at byte %" PRIu64 " arrived %s with another size, %" PRIu64
		    " bytes",
		    result->at + 1, to, result->from);
		return true;
	case CHECK_MOVED:
		break;
	}
	if (missing && result->received < expected)
		say(verdict, SYMPTOM_LOST,
		    "%" PRIu64 " bytes after the first %" PRIu64 " did not arrive %s",
		    result->from - result->at, result->at, to);
	else
		say(verdict, SYMPTOM_ORDER, "what arrived %s is %s after %" PRIu64 " bytes", to,
		    missing ? "out of order" : "repeated", result->at);
	return true;
}

static enum symptom symptom_of(const struct check_result *receiver,
			       const struct check_result *sender)
{
	/* it ended because the other end had waited in vain: that has less patience */
	if (receiver->outcome == CHECK_ENDED && sender->outcome == CHECK_STALLED)
		return SYMPTOM_STALLED;
	if (receiver->outcome == CHECK_NO_BUFFERS || sender->outcome == CHECK_NO_BUFFERS)
		return SYMPTOM_NO_BUFFERS;
	return receiver->outcome == CHECK_STALLED || receiver->outcome == CHECK_RUNNING
		       ? SYMPTOM_STALLED
		       : SYMPTOM_ENDED;
}

static const struct check_result stalled = { .outcome = CHECK_STALLED };

/* One direction: true if something is wrong with it. */
static bool wrong_way(const struct check_result *receiver, const struct check_request *steps,
		      const struct check_result *sender, const char *to, struct verdict *verdict)
{
	uint64_t expected = check_awaited(steps);

	if (receiver->outcome == CHECK_UNKNOWN)
		return false;
	if (wrong_bytes(receiver, expected, to, verdict))
		return true;
	if (receiver->received >= expected)
		return false;
	verdict->symptom = symptom_of(receiver, sender);
	say(verdict, verdict->symptom, "%" PRIu64 " of %" PRIu64 " bytes arrived %s, %s",
	    receiver->received, expected, to,
	    how_it_ended(verdict->symptom == SYMPTOM_STALLED ? &stalled : receiver));
	return true;
}

static void say_unknown(struct verdict *verdict)
{
	say(verdict, SYMPTOM_OTHER, "the other end did not tell how it went there");
}

static bool lacks_end(const struct check_result *result, const struct check_request *steps)
{
	return (result->outcome == CHECK_STALLED || result->outcome == CHECK_RUNNING) &&
	       result->step < steps->count && steps->steps[result->step].kind == CHECK_END;
}

static void judge_half_close(const struct checked *checked, struct verdict *verdict)
{
	bool up = checked->here_steps.steps[0].kind == CHECK_SEND; /* here is what half-closes */
	const struct check_result *closer = up ? &checked->here : &checked->there,
				  *answerer = up ? &checked->there : &checked->here;
	const struct check_request *steps = up ? &checked->there_steps : &checked->here_steps;
	uint64_t expected = check_awaited(up ? &checked->here_steps : &checked->there_steps);

	/* the answerer has more patience than the other end, and may have seen its end later */
	if (lacks_end(answerer, steps) || (closer->outcome == CHECK_STALLED && !closer->received))
		say(verdict, SYMPTOM_NO_END, "the end of file did not arrive %s",
		    up ? "there" : "here");
	/* if a part of it has arrived, the half-close is not the reason */
	else if (!closer->received && !closer->wrong && closer->outcome != CHECK_UNKNOWN)
		say(verdict, answerer->outcome == CHECK_DONE ? SYMPTOM_ECHOED : SYMPTOM_ANSWER_LOST,
		    "0 of %" PRIu64 " bytes of the answer arrived %s after the half-close, %s",
		    expected, up ? "here" : "there", how_it_ended(closer));
}

/* One end resets while the other is writing: that one must notice. */
static void judge_abort(const struct checked *checked, struct verdict *verdict)
{
	bool up = checked->here_steps.steps[0].kind == CHECK_RECEIVE; /* here is what resets */
	const struct check_result *writer = up ? &checked->there : &checked->here,
				  *resetter = up ? &checked->here : &checked->there;

	if (checked->there.outcome == CHECK_UNKNOWN)
		say_unknown(verdict);
	else if (wrong_way(resetter, up ? &checked->here_steps : &checked->there_steps, writer,
			   up ? "here" : "there", verdict))
		return;
	else if (writer->outcome == CHECK_STALLED || writer->outcome == CHECK_RUNNING)
		say(verdict, SYMPTOM_NO_END, "after the reset %s, the other end noticed nothing",
		    up ? "here" : "there");
	else if (writer->outcome == CHECK_DONE)
		say(verdict, SYMPTOM_NO_END,
		    "after the reset %s, the other end could write %" PRIu64 " bytes",
		    up ? "here" : "there", writer->sent);
}

static bool judge_connect(const struct checked *checked, struct verdict *verdict)
{
	int error = checked->failure.error;

	if (error) /* a shortage of this machine is no full backlog */
		say(verdict,
		    error == EMFILE || error == ENFILE || error == ENOMEM ? SYMPTOM_OTHER
									  : SYMPTOM_REFUSED,
		    "not connected: %s", checked->why);
	else if (checked->unanswered)
		say(verdict, SYMPTOM_REFUSED, "connected, but no answer came, %s",
		    how_it_ended(&checked->here));
	return verdict->symptom;
}

/* The smallest piece that is not delivered whole tells which limit it exceeds. */
static enum symptom by_size(enum symptom symptom, uint32_t size)
{
	if (symptom != SYMPTOM_LOST && symptom != SYMPTOM_STALLED && symptom != SYMPTOM_ENDED)
		return symptom;
	if (size > 8192 && size <= 32768)
		return SYMPTOM_LOST_8K;
	return size > 32768 && size <= 65536 ? SYMPTOM_LOST_32K : symptom;
}

static void judge(enum check_id id, const struct checked *checked, struct verdict *verdict)
{
	if (id == CHECKED_ABORT) {
		judge_abort(checked, verdict);
		return;
	}
	if (id == CHECKED_HALF_CLOSE)
		judge_half_close(checked, verdict);
	if (verdict->symptom ||
	    wrong_way(&checked->there, &checked->there_steps, &checked->here, "there", verdict) ||
	    wrong_way(&checked->here, &checked->here_steps, &checked->there, "here", verdict))
		return;
	if (lacks_end(&checked->here, &checked->here_steps) ||
	    lacks_end(&checked->there, &checked->there_steps))
		say(verdict, SYMPTOM_NO_END, "the end of file did not arrive %s",
		    lacks_end(&checked->here, &checked->here_steps) ? "here" : "there");
	else if (checked->here.outcome != CHECK_DONE)
		say(verdict, SYMPTOM_ENDED, "%" PRIu64 " bytes were sent here, %s",
		    checked->here.sent, how_it_ended(&checked->here));
	else if (checked->there.outcome == CHECK_UNKNOWN)
		say_unknown(verdict);
	else if (checked->there.outcome != CHECK_DONE)
		say(verdict, SYMPTOM_ENDED, "%" PRIu64 " bytes were sent there, %s",
		    checked->there.sent, how_it_ended(&checked->there));
}

/* Does it take both ends to know what this means? */
static bool needs_both(enum symptom symptom)
{
	return symptom == SYMPTOM_STALLED || symptom == SYMPTOM_ENDED ||
	       symptom == SYMPTOM_NO_BUFFERS || symptom == SYMPTOM_NO_END ||
	       symptom == SYMPTOM_ANSWER_LOST || symptom == SYMPTOM_ECHOED;
}

void check_judge(enum check_id id, const struct checked *checked, uint32_t size,
		 struct verdict *verdict)
{
	*verdict = (struct verdict){ .symptom = SYMPTOM_NONE };
	if (judge_connect(checked, verdict))
		return;
	judge(id, checked, verdict);
	/* perhaps the other end is gone, which is no defect of what lies between */
	if (checked->there.outcome == CHECK_UNKNOWN && needs_both(verdict->symptom))
		verdict->symptom = SYMPTOM_OTHER;
	else if (size)
		verdict->symptom = by_size(verdict->symptom, size);
}

void check_judge_peer(const struct addr *to, const char *peer, struct verdict *verdict)
{
	bool vsock = strncmp(peer, "vsock:", 6) == 0, right = true;
	unsigned long cid = vsock ? strtoul(peer + 6, NULL, 10) : 0;
	struct machine machine;

	if (vsock && to->family == ADDR_MUX) {
		right = cid == ADDR_CID_HOST;
	} else if (vsock && to->family == ADDR_VSOCK) {
		machine_look(&machine, "", false);
		right = cid == ADDR_CID_LOCAL || (machine.has_cid && cid == machine.cid) ||
			(to->cid != ADDR_CID_HOST && cid == ADDR_CID_HOST) || !machine.has_cid;
		machine_free(&machine);
	}
	say(verdict, right ? SYMPTOM_NONE : SYMPTOM_PEER, "the other end sees %s%s", peer,
	    right ? "" : ", which is not this machine");
}
