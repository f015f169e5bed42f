/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests of --check, and the results that answer them: what is read stays within the limits, and
 * a result that is written again is the same text. */
#include "config.h"

#include "cli/check.h"
#include "driver.h"

#define INPUT_MAX CHECK_LINE_MAX

static void check_limits(const struct check_request *request)
{
	fuzz_check(request->report ? request->count == 0 : request->count > 0,
		   "a request has steps, or asks for a report");
	fuzz_check(request->count <= CHECK_STEPS_MAX, "there are not too many steps");
	for (size_t i = 0; i < request->count; i++) {
		const struct check_step *step = &request->steps[i];

		fuzz_check(step->kind <= CHECK_RESET, "a step has a kind");
		if (step->kind == CHECK_WAIT)
			fuzz_check(step->amount <= CHECK_WAIT_MAX, "no wait is too long");
		if (step->kind >= CHECK_WAIT)
			continue;
		fuzz_check(step->amount > 0 && step->amount <= CHECK_SIZE_MAX,
			   "no size is too large");
		fuzz_check(step->low > 0 && step->low <= step->high &&
				   step->high <= CHECK_PIECE_MAX,
			   "no piece is too large");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_request request;
	struct check_result result, again;
	char line[CHECK_LINE_MAX], other[CHECK_LINE_MAX], *text;

	if (size > INPUT_MAX)
		return 0;
	text = fuzz_text(data, size);
	if (check_read_request(text, &request))
		check_limits(&request);
	if (check_read_result(text, 0x7f3a0001, &result)) {
		check_write_result(line, 0x7f3a0001, &result);
		line[strlen(line) - 1] = '\0';
		fuzz_check(check_read_result(line, 0x7f3a0001, &again),
			   "a result that is written is one");
		check_write_result(other, 0x7f3a0001, &again);
		other[strlen(other) - 1] = '\0';
		fuzz_check(strcmp(line, other) == 0, "a result that is written again is the same");
	}
	free(text);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("VSOCK-CHECK 1 7f3a0001 "),
	PIECE("send="),
	PIECE("receive=16777216"),
	PIECE("both=65536/1-4097"),
	PIECE("wait=5000"),
	PIECE(" shut"),
	PIECE(" end"),
	PIECE(" reset"),
	PIECE("report"),
	PIECE("result done 1 2 3 right 0 0"),
	PIECE("/270336"),
	PIECE("18446744073709551615"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "requests and results of --check are read or refused",
		.corpus = "corpus-check",
		.input_max = INPUT_MAX,
		.runs = 200000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
