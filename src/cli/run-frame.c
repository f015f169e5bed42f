/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/run-frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

static const char magic[8] = { 'V', 'S', 'O', 'C', 'K', 'R', 'U', 'N' };

enum how { HOW_PLAIN, HOW_TERMINAL, HOW_OUTLIVES };

const char *const run_stream_names[RUN_STREAMS] = { "standard input", "standard output",
						    "standard error" };

long run_payload_limit(uint8_t type)
{
	if (type == RUN_REQUEST)
		return RUN_REQUEST_MAX;
	return type > RUN_REQUEST && type < RUN_TYPES ? (long)RUN_PAYLOAD_MAX : -1;
}

/* What both kinds of connections begin with. False: another version, and what follows is not
 * known. */
static bool wire_greeting(struct wire *wire, uint8_t *version)
{
	char word[sizeof(magic)];

	memcpy(word, magic, sizeof(magic));
	wire_bytes(wire, word, sizeof(word));
	wire->bad = wire->bad || memcmp(word, magic, sizeof(magic)) != 0;
	wire_u8(wire, version, UINT8_MAX);
	return !wire->bad && *version == RUN_VERSION;
}

static void wire_window(struct wire *wire, struct run_window *window)
{
	wire_u16(wire, &window->rows);
	wire_u16(wire, &window->columns);
}

static void wire_words(struct wire *wire, char ***words, size_t *count)
{
	uint32_t told = (uint32_t)*count;

	wire->bad = wire->bad || *count > RUN_WORDS_MAX;
	wire_u32(wire, &told, RUN_WORDS_MAX);
	if (!wire->out) {
		/* each takes four bytes at least */
		wire->bad = wire->bad || told > (wire->size - wire->at) / 4;
		*count = wire->bad ? 0 : told;
		*words = calloc(*count + 1, sizeof(**words));
		if (!*words) {
			wire_short_of_memory(wire);
			*count = 0;
		}
	}
	for (size_t i = 0; i < *count; i++)
		wire_any_text(wire, &(*words)[i]);
}

/* A variable has a name. */
static bool are_variables(char *const *environment, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!environment[i] || strcspn(environment[i], "=") == 0 ||
		    !strchr(environment[i], '='))
			return false;
	return true;
}

/* A command on a terminal cannot outlive it. */
static void wire_how(struct wire *wire, struct run_request *request)
{
	uint8_t how = request->terminal	  ? HOW_TERMINAL
		      : request->outlives ? HOW_OUTLIVES
					  : HOW_PLAIN;

	wire_u8(wire, &how, HOW_OUTLIVES);
	request->terminal = how == HOW_TERMINAL;
	request->outlives = how == HOW_OUTLIVES;
}

static void wire_request(struct wire *wire, struct run_request *request)
{
	if (!wire_greeting(wire, &request->version))
		return;
	wire_how(wire, request);
	wire_window(wire, &request->window);
	wire_any_text(wire, &request->term);
	wire_any_text(wire, &request->directory);
	wire_any_text(wire, &request->user);
	wire_words(wire, &request->argv, &request->argc);
	wire_words(wire, &request->environment, &request->variables);
	wire->bad = wire->bad || !are_variables(request->environment, request->variables);
}

static void put_header(uint8_t *data, uint8_t type, size_t size)
{
	data[0] = type;
	for (int i = 0; i < 4; i++)
		data[1 + i] = (uint8_t)(size >> (24 - 8 * i));
}

long run_write_request(const struct run_request *request, uint8_t **data)
{
	struct run_request copy = *request;
	struct wire wire = wire_grower();
	uint8_t header[RUN_HEADER] = { 0 };
	int end;

	copy.version = RUN_VERSION;
	wire_bytes(&wire, header, sizeof(header));
	wire_request(&wire, &copy);
	end = wire_end(&wire);
	if (end < 0 || (size_t)end > RUN_HEADER + RUN_REQUEST_MAX) {
		free(wire.out);
		return end == -ENOMEM ? end : -E2BIG;
	}
	put_header(wire.out, RUN_REQUEST, (size_t)end - RUN_HEADER);
	*data = wire.out;
	return end;
}

int run_read_request(const uint8_t *payload, size_t size, struct run_request *request)
{
	struct wire wire = wire_reader(payload, size);
	int end;

	*request = (struct run_request){ 0 };
	wire_request(&wire, request);
	if (!wire.bad && request->version != RUN_VERSION)
		return -EPROTONOSUPPORT;
	end = wire_end(&wire);
	return end < 0 ? end : 0;
}

static void free_words(char **words, size_t count)
{
	for (size_t i = 0; words && i < count; i++)
		free(words[i]);
	free(words);
}

void run_free_request(struct run_request *request)
{
	free(request->term);
	free(request->directory);
	free(request->user);
	free_words(request->argv, request->argc);
	free_words(request->environment, request->variables);
	*request = (struct run_request){ 0 };
}

static void wire_frame(struct wire *wire, struct run_frame *frame)
{
	uint8_t version = RUN_VERSION;

	switch (frame->type) {
	case RUN_STREAM:
		wire->bad = !wire_greeting(wire, &version);
		wire_bytes(wire, frame->token, RUN_TOKEN);
		wire_u8(wire, &frame->stream, RUN_STREAMS - 1);
		break;
	case RUN_ACCEPT:
		wire_bytes(wire, frame->token, RUN_TOKEN);
		break;
	case RUN_REFUSE:
		wire_u8(wire, &frame->status, UINT8_MAX);
		wire_text(wire, frame->text, sizeof(frame->text));
		break;
	case RUN_END:
		wire_u8(wire, &frame->stream, RUN_STREAMS - 1);
		wire_u64(wire, &frame->bytes);
		break;
	case RUN_EXIT:
		wire_u8(wire, &frame->status, UINT8_MAX);
		wire_u8(wire, &frame->signal, RUN_SIGNAL_MAX);
		break;
	case RUN_SIGNAL:
		wire_u8(wire, &frame->signal, RUN_SIGNAL_MAX);
		break;
	case RUN_WINDOW:
		wire_window(wire, &frame->window);
		break;
	case RUN_PING:
	case RUN_PONG:
		break;
	default:
		wire->bad = true;
		break;
	}
}

int run_write_frame(const struct run_frame *frame, uint8_t *data)
{
	struct wire wire = wire_writer(data + RUN_HEADER, RUN_PAYLOAD_MAX);
	struct run_frame copy = *frame;
	int end;

	wire_frame(&wire, &copy);
	end = wire_end(&wire);
	if (end < 0)
		return end;
	put_header(data, (uint8_t)frame->type, (size_t)end);
	return RUN_HEADER + end;
}

int run_read_frame(uint8_t type, const uint8_t *payload, size_t size, struct run_frame *frame)
{
	struct wire wire = wire_reader(payload, size);
	int end;

	*frame = (struct run_frame){ .type = type };
	wire_frame(&wire, frame);
	end = wire_end(&wire);
	return end < 0 ? end : 0;
}
