/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two processes of vsock-proxy say to each other. Any bytes are a message or are refused,
 * at either end; what is read is a message that can be written, and is read again as the same.
 * corpus-broker holds messages of every type, and inputs of clang's fuzzer that reach all that it
 * reached in 9 million runs. See driver.h for how it is run.
 */
#include "config.h"

#include "driver.h"

#include "proxy/broker/broker.h"

/* The bytes of every field that is told are the same; what is not told is zero. */
static void try_end(const uint8_t *data, size_t size, bool up)
{
	static struct broker_message message, again;
	static uint8_t made[BROKER_SIZE_MAX];
	int length;

	if (broker_decode(&message, data, size, up) < 0)
		return;
	if (up != (message.type >= BROKER_FIRST_UP) || message.places.count > RESOLVE_MAX ||
	    strlen(message.host) >= sizeof(message.host))
		abort();
	length = broker_encode(&message, made);
	if (length != (int)size || memcmp(made, data, size) != 0 ||
	    broker_decode(&again, made, size, up) < 0 || again.type != message.type)
		abort();
	/* half of a message is none */
	if (broker_decode(&again, data, size - 1, up) >= 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > BROKER_SIZE_MAX)
		return 0;
	try_end(data, size, true);
	try_end(data, size, false);
	return 0;
}

#ifndef FUZZER
#define INPUT_MAX 2000

static void random_text(char *text, size_t room)
{
	size_t length = fuzz_number((uint32_t)(room < 200 ? room : 200));

	memset(text, 'a' + (int)fuzz_number(26), length);
	text[length] = '\0';
}

/* A message of any type, with a few bytes changed in half of them. */
static size_t make(const struct fuzz_corpus *corpus, uint8_t *data)
{
	static struct broker_message message;
	static uint8_t encoded[BROKER_SIZE_MAX];
	int size;

	(void)corpus;
	memset(&message, 0, sizeof(message));
	message.type = (uint8_t)(1 + fuzz_number(BROKER_TYPES - 1));
	message.id = fuzz_number(UINT32_MAX);
	message.number = (int32_t)fuzz_number(64) + 1;
	message.step = fuzz_number(STEP_RELAY + 1);
	message.places.count = 0;
	message.client.real.from.peer.family = (uint8_t)fuzz_number(12);
	message.client.told.version = (uint8_t)fuzz_number(3);
	message.rule = fuzz_number(4);
	message.target = fuzz_number(4);
	message.port = fuzz_number(65536);
	random_text(message.host, sizeof(message.host));
	random_text(message.why.what, sizeof(message.why.what));
	random_text(message.detail, sizeof(message.detail));
	size = broker_encode(&message, encoded);
	if (size < 0 || size > INPUT_MAX)
		abort();
	memcpy(data, encoded, (size_t)size);
	for (uint32_t i = fuzz_number(2) ? fuzz_number(4) + 1 : 0; i > 0; i--)
		data[fuzz_number((uint32_t)size)] = (uint8_t)fuzz_number(256);
	return fuzz_number(4) ? (size_t)size : fuzz_number((uint32_t)size) + 1;
}

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "any message is read or refused, at both ends of the broker",
		.corpus = "corpus-broker",
		.input_max = INPUT_MAX,
		.runs = 200000,
		.make = make,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
