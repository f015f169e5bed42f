/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "listen/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include <sha2.h>

#include "base/json.h"
#include "base/units.h"
#include "base/util.h"

struct digest {
	struct endpoint_hook hook; /* first */
	SHA2_CTX context;
};

static ssize_t take(struct endpoint_hook *hook, const void *data, size_t size)
{
	SHA256Update(&(container_of(hook, struct digest, hook))->context, data, size);
	return (ssize_t)size;
}

static void release(struct session *session)
{
	free(session->owner);
}

int digest_start(struct session *session, struct endpoint *here)
{
	struct digest *digest = calloc(1, sizeof(*digest));
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (!digest || fd < 0) {
		int error = !digest ? -ENOMEM : -errno;

		free(digest);
		if (fd >= 0)
			close(fd);
		return error;
	}
	digest->hook.write = take;
	SHA256Init(&digest->context);
	*here = (struct endpoint){
		.in = -1, .out = fd, .out_kind = ENDPOINT_HOOKED, .hook = &digest->hook
	};
	session->owner = digest;
	session->group->release = release;
	return 0;
}

static void print_object(FILE *out, const struct session *session, const char *hash,
			 const char *from)
{
	const struct relay *relay = &session->relay;
	struct json json;

	json_line(&json, out);
	json_text(&json, "sha256", hash);
	json_number(&json, "bytes", relay->chan[0].bytes);
	json_text(&json, "from", from);
	json_real(&json, "seconds", (double)(units_now() - session->started) / (double)NSEC_PER_SEC,
		  6);
	json_text(&json, "end", relay_end_word(relay));
	json_line_end(&json);
}

static void print_line(FILE *out, const struct session *session, const char *hash, const char *from)
{
	const struct relay *relay = &session->relay;

	fprintf(out, "%s %llu %s%s%s\n", hash, (unsigned long long)relay->chan[0].bytes, from,
		relay->result == END_EOF ? "" : " ",
		relay->result == END_EOF ? "" : relay_end_word(relay));
}

int digest_finish(const struct session *session, bool json, struct output *output)
{
	struct digest *digest = session->owner;
	char hash[SHA256_DIGEST_STRING_LENGTH], from[PEER_TEXT_MAX], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int error;

	if (!out)
		return -ENOMEM;
	SHA256End(&digest->context, hash);
	peer_format(&session->peer, from, sizeof(from));
	(json ? print_object : print_line)(out, session, hash, from);
	error = fclose(out) == 0 ? output_put(output, text, size) : -ENOMEM;
	free(text);
	return error;
}
