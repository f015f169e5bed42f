/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which engine each pair of endpoints gets. No socket is opened: an endpoint says what it is. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "net/addr.h"
#include "net/endpoint.h"
#include "relay/choose.h"
#include "relay/loop.h"
#include "relay/relay.h"
#include "relay/trial.h"

/* vsock, TCP, UNIX, a TCP socket that was inherited, seqpacket, pipes, files, terminals, UDP */
static const char kinds[] = "VTUIMPFAD";

static struct endpoint endpoint_of(char kind)
{
	static const struct endpoint pipes = { .in = -1,
					       .out = -1,
					       .in_kind = ENDPOINT_PIPE,
					       .out_kind = ENDPOINT_PIPE,
					       .family = ADDR_STDIO,
					       .standard = true,
					       .inherited = true };
	struct endpoint endpoint = pipes;

	switch (kind) {
	case 'V':
		return endpoint_socket(-1, ADDR_VSOCK, false);
	case 'T':
		return endpoint_socket(-1, ADDR_TCP, false);
	case 'U':
		return endpoint_socket(-1, ADDR_UNIX, false);
	case 'I':
		endpoint = endpoint_socket(-1, ADDR_TCP, false);
		endpoint.inherited = true;
		return endpoint;
	case 'M':
		return endpoint_socket(-1, ADDR_UNIX, true);
	case 'D':
		return endpoint_datagrams(-1);
	case 'F':
		endpoint.in_kind = endpoint.out_kind = ENDPOINT_FILE;
		return endpoint;
	case 'A':
		endpoint.in_kind = endpoint.out_kind = ENDPOINT_TERMINAL;
		return endpoint;
	default:
		return pipes;
	}
}

/* c: copy; C: copy, and splice if the transfer turns out to be large; s: splice; t: straight; m:
 * message; d: datagram; f: filter */
static char letter_of(unsigned engine, bool may_splice)
{
	static const char letters[] = {
		[CHAN_COPY] = 'c',    [CHAN_SPLICE] = 's', [CHAN_STRAIGHT] = 't',
		[CHAN_MESSAGE] = 'm', [CHAN_FILTER] = 'f', [CHAN_DATAGRAM] = 'd',
	};

	assert_true(engine < sizeof(letters) && letters[engine]);
	if (!may_splice)
		return letters[engine];
	assert_int_equal(engine, CHAN_COPY);
	return 'C';
}

/* A row for each source, a letter for each destination, both in the order of kinds. */
static void expect(const char *what, const struct relay_settings *settings,
		   const char *const rows[sizeof(kinds) - 1])
{
	for (size_t i = 0; kinds[i]; i++) {
		const struct endpoint source = endpoint_of(kinds[i]);
		char row[sizeof(kinds)] = "";

		for (size_t j = 0; kinds[j]; j++) {
			const struct endpoint destination = endpoint_of(kinds[j]);
			bool may_splice = true;
			unsigned engine = choose_engine(&source, &destination, settings,
							&may_splice);

			row[j] = letter_of(engine, may_splice);
		}
		if (strcmp(row, rows[i]) != 0)
			fail_msg("%s, from %c to each of %s: %s, expected %s", what, kinds[i],
				 kinds, row, rows[i]);
	}
}

static void each_pair_has_its_engine(void **state)
{
	struct relay_settings settings = relay_defaults;

	(void)state;
	settings.engine = ENGINE_AUTO;
	expect("auto", &settings,
	       (const char *const[]){ "CCCcmtccd", "CCCcmtccd", "CcCcmtccd", "ccccmcccd",
				      "mmmmmmmmd", "tttcmtccd", "cttcmcccd", "ccccmcccd",
				      "ddddddddd" });
	settings.engine = ENGINE_SPLICE;
	expect("splice", &settings,
	       (const char *const[]){ "ssscmtccd", "ssscmtccd", "ssscmtccd", "ccccmcccd",
				      "mmmmmmmmd", "tttcmtccd", "tttcmcccd", "ccccmcccd",
				      "ddddddddd" });
	settings.engine = ENGINE_COPY;
	expect("copy", &settings,
	       (const char *const[]){ "ccccmcccd", "ccccmcccd", "ccccmcccd", "ccccmcccd",
				      "mmmmmmmmd", "ccccmcccd", "ccccmcccd", "ccccmcccd",
				      "ddddddddd" });
}

/* Spliced bytes do not pass through our memory, so a dump or a recording would miss them. */
static void what_is_shown_is_copied(void **state)
{
	struct relay_settings settings = relay_defaults;

	(void)state;
	settings.tap = (void *)&settings; /* there is one, and that is all that counts */
	settings.engine = ENGINE_SPLICE;
	expect("with a tap", &settings,
	       (const char *const[]){ "ccccmcccd", "ccccmcccd", "ccccmcccd", "ccccmcccd",
				      "mmmmmmmmd", "ccccmcccd", "ccccmcccd", "ccccmcccd",
				      "ddddddddd" });
}

static void lines_become_messages_only_from_a_stream(void **state)
{
	struct relay_settings settings = relay_defaults;

	(void)state;
	settings.message_lines = true;
	settings.engine = ENGINE_COPY;
	expect("a message a line", &settings,
	       (const char *const[]){ "ccccfcccd", "ccccfcccd", "ccccfcccd", "ccccfcccd",
				      "mmmmmmmmd", "ccccfcccd", "ccccfcccd", "ccccfcccd",
				      "ddddddddd" });
}

/* --crlf and --delay: what is typed, and not what comes back. */
static void only_standard_input_is_filtered(void **state)
{
	static const char *const rows[] = { "ccccmcccd", "ccccmcccd", "ccccmcccd",
					    "ccccmcccd", "mmmmmmmmd", "fffffffff",
					    "fffffffff", "fffffffff", "ddddddddd" };
	struct relay_settings settings = relay_defaults;

	(void)state;
	settings.engine = ENGINE_COPY;
	settings.filter = (void *)&settings;
	expect("with a filter", &settings, rows);
	settings.filter = NULL;
	settings.line_delay = 1;
	expect("with a delay", &settings, rows);
}

static struct trial *trial_of(struct loop *loop, char from, char to)
{
	const struct endpoint source = endpoint_of(from), destination = endpoint_of(to);
	const struct transfer transfer = { .loop = loop,
					   .source = &source,
					   .destination = &destination };

	return choose_trial(&transfer);
}

static bool splices(struct loop *loop, char from, char to)
{
	const struct endpoint source = endpoint_of(from), destination = endpoint_of(to);
	const struct transfer transfer = { .loop = loop,
					   .source = &source,
					   .destination = &destination };

	return choose_splice(&transfer);
}

/* From vsock the better engine depends on the machine; what is measured for one destination says
 * nothing of another. */
static void only_pairs_from_vsock_are_tried_and_each_alone(void **state)
{
	static const char sockets[] = "VTU";
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_start(&loop), 0);
	for (size_t i = 0; i < 3; i++) {
		struct trial *trial = trial_of(loop, 'V', sockets[i]);

		assert_non_null(trial);
		assert_false(splices(loop, 'V', sockets[i])); /* the first turn is copy's */
		trial->turn = TRIAL_TURNS;
		trial->splice_wins = true;
		assert_true(splices(loop, 'V', sockets[i]));
		assert_null(trial_of(loop, 'T', sockets[i]));
		assert_null(trial_of(loop, 'U', sockets[i]));
		assert_true(splices(loop, 'T', sockets[i]));
	}
	for (const char *other = "PFAD"; *other; other++) {
		assert_null(trial_of(loop, 'V', *other));
		assert_null(trial_of(loop, *other, 'V'));
	}
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair_has_its_engine),
		cmocka_unit_test(what_is_shown_is_copied),
		cmocka_unit_test(lines_become_messages_only_from_a_stream),
		cmocka_unit_test(only_standard_input_is_filtered),
		cmocka_unit_test(only_pairs_from_vsock_are_tried_and_each_alone),
	};

	return cmocka_run_group_tests_name("choose", tests, NULL, NULL);
}
