/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Destinations: --allow-dest and --deny-dest. Two lines: an entry, and a host that is asked for. */
#include "config.h"

#include "driver.h"

#include <arpa/inet.h>

#include "net/ip.h"
#include "proxy/protocols/dest.h"

#define INPUT_MAX 1024

/* The same entry, with the opposite meaning, in front: nothing that it names is permitted any more,
 * and nothing else is permitted that was not. */
static void denied_first(const char *entry, const char *host, bool may)
{
	struct dest_list list = { 0 };
	char why[DEST_WHY_MAX];
	struct mistake error;

	fuzz_check(dest_add(&list, entry, false, &error) == 0 &&
			   dest_add(&list, entry, true, &error) == 0,
		   "an entry is read again");
	if (list.entries[0].kind != DEST_NET)
		fuzz_check(!dest_may(&list, host, 443, why), "what is denied first is denied");
	else
		fuzz_check(dest_may(&list, host, 443, why) == may,
			   "an entry with an address says nothing of a name");
	fuzz_check(dest_same(&list, &list), "a list is the same as itself");
	dest_free(&list);
}

static void permits(const struct dest_list *list, const char *host)
{
	struct sockaddr_in public = { .sin_family = AF_INET, .sin_port = htons(443) },
			   loopback = public;
	char why[DEST_WHY_MAX];

	public.sin_addr.s_addr = htonl(0x08080808);
	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (list->entries[0].kind != DEST_NET || list->entries[0].prefix < IP_V4(8))
		fuzz_check(!dest_permits(list, host, (const struct sockaddr *)&loopback, why),
			   "a name or a wide network does not permit loopback");
	if (list->entries[0].kind == DEST_NAME || list->entries[0].kind == DEST_SUFFIX)
		fuzz_check(dest_permits(list, host, (const struct sockaddr *)&public, why) ==
				   dest_may(list, host, 443, why),
			   "of a public address the name decides");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *host = strchr(text, '\n'), why[DEST_WHY_MAX];
	struct dest_list list = { 0 };
	struct mistake error;
	bool may;

	if (host)
		*host++ = '\0';
	else
		host = text + strlen(text);
	if (size > INPUT_MAX) {
		free(text);
		return 0;
	}
	if (dest_add(&list, text, true, &error) < 0) {
		fuzz_check(error.offset <= strlen(text), "the caret stands in the text");
		fuzz_check(*error.why, "what is refused has a reason");
		fuzz_check(!list.count, "what is refused is not added");
	} else {
		fuzz_check(list.count == 1 && strcmp(list.entries[0].text, text) == 0,
			   "an entry is kept as written");
		may = dest_may(&list, host, 443, why);
		denied_first(text, host, may);
		permits(&list, host);
	}
	dest_free(&list);
	free(text);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("*."),
	PIECE("*"),
	PIECE("[2001:db8::/32]"),
	PIECE("[::1]"),
	PIECE("]/64"),
	PIECE("10.0.0.0/8"),
	PIECE(":80,443-500"),
	PIECE(":*"),
	PIECE(":"),
	PIECE("www.example.org"),
	PIECE("\n"),
	PIECE("."),
	PIECE("xn--"),
	PIECE("::ffff:"),
	{ NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "destinations are read or refused, and mean what they say",
		.corpus = "corpus-dest",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
