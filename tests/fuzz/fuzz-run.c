/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of vsock-run: what is read stays within the limits, and is the same when it is written
 * again. The first byte of an input is the type. */
#include "config.h"

#include <errno.h>

#include "cli/run-frame.h"
#include "driver.h"

#define INPUT_MAX 4096

static void try_request(const uint8_t *data, size_t size)
{
	struct run_request request;
	uint8_t *written;
	long length;

	if (run_read_request(data, size, &request) == 0) {
		fuzz_check(request.argv && !request.argv[request.argc], "arguments end");
		fuzz_check(request.environment && !request.environment[request.variables],
			   "variables end");
		for (size_t i = 0; i < request.variables; i++)
			fuzz_check(strchr(request.environment[i], '=') > request.environment[i],
				   "a variable has a name");
		length = run_write_request(&request, &written);
		fuzz_check(length == (long)size + RUN_HEADER, "a request has one length");
		fuzz_check(memcmp(written + RUN_HEADER, data, size) == 0,
			   "a request is the same when it is written again");
		free(written);
	}
	run_free_request(&request);
}

static void try_frame(uint8_t type, const uint8_t *data, size_t size)
{
	uint8_t written[RUN_HEADER + RUN_PAYLOAD_MAX];
	struct run_frame frame;

	if (run_read_frame(type, data, size, &frame) != 0)
		return;
	fuzz_check((long)size <= run_payload_limit(type), "a frame is not too long");
	fuzz_check(frame.stream < RUN_STREAMS, "a stream is one of three");
	fuzz_check(frame.signal <= RUN_SIGNAL_MAX, "a signal is one");
	fuzz_check(memchr(frame.text, 0, sizeof(frame.text)), "a text ends");
	fuzz_check(run_write_frame(&frame, written) == (int)size + RUN_HEADER,
		   "a frame has one length");
	fuzz_check(memcmp(written + RUN_HEADER, data, size) == 0,
		   "a frame is the same when it is written again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	exact = fuzz_exact(data + 1, size - 1);
	if (data[0] == RUN_REQUEST)
		try_request(exact, size - 1);
	else
		try_frame(data[0], exact, size - 1);
	free(exact);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("VSOCKRUN\x01"),
	PIECE("VSOCKRUN\x02"),
	PIECE("\0\0\0\x01"),
	PIECE("\0\0\0\x04"),
	PIECE("\0\0\0\0"),
	PIECE("\xff\xff\xff\xff"),
	PIECE("\x7f\xff\xff\xff"),
	PIECE("A=b"),
	PIECE("\0\0\0\x03"
	      "A=b"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "frames of vsock-run are read or refused",
		.corpus = "corpus-run",
		.input_max = INPUT_MAX,
		.runs = 200000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
