/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr-parts: private declarations shared by the files of addr.
 *
 * Theory of operation: addr.c has the table of families. It finds the family that a text begins
 * with, has the family's parser and then the options read (addr-read.c), and prints with the
 * family's writer (addr-write.c). A text that begins with no family, or with one that is not
 * allowed there, goes through addr-advice.c first, which recognises common mistakes.
 *
 * To add a family: an entry in the table of addr.c, a parser and a writer.
 */
#ifndef NET_ADDR_PARTS_H
#define NET_ADDR_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "net/addr.h"

#define SHOWN 72 /* bytes of the user's text that a message repeats, with the NUL */

/* The user's text, escaped for a message. The buffer lives until the end of the enclosing block. */
#define SHOW(text, length) utf8_escape((text), (length), (char[SHOWN]){ 0 }, SHOWN)

/* A text that is being parsed. Offsets are bytes of text, as the caret needs them. */
struct parser {
	const char *text;
	size_t length;
	const struct addr_context *context;
	const struct family *families; /* the table */
	size_t family_count;
	struct addr *addr;
	struct mistake *error;
	const struct family *family;
	bool url; /* FAMILY:// was written */
	size_t begin, end; /* of the part between the family and the options */
};

/* A text that is being written. What does not fit is dropped, and full becomes true. */
struct writer {
	char *buf;
	size_t size, length;
	bool full;
};

/* One spelling of a family. */
struct family {
	const char *name;
	enum addr_family family;
	bool seqpacket;
	uint8_t ip;
	bool url; /* may "//" follow? */
	unsigned roles; /* ADDR_CONNECT | ADDR_LISTEN */
	unsigned connect, listen; /* its options in each role: ADDR_OPT_ bits */
	int (*parse)(struct parser *p);
	void (*format)(struct writer *w, const struct addr *addr); /* NULL: the name is all */
};

static inline bool listening(const struct parser *p)
{
	return p->context->role == ADDR_LISTEN;
}

static inline bool allows(const struct parser *p, unsigned flag)
{
	return (p->context->flags & flag) != 0;
}

/* The spelling of a family, or NULL. */
static inline const struct family *find_family(const struct parser *p, const char *word,
					       size_t length, bool any_case)
{
	for (size_t i = 0; i < p->family_count; i++)
		if (strlen(p->families[i].name) == length &&
		    (any_case ? strncasecmp : strncmp)(word, p->families[i].name, length) == 0)
			return &p->families[i];
	return NULL;
}

/* The first spelling, which messages use. */
static inline const struct family *first_family(const struct parser *p, enum addr_family family)
{
	const struct family *f = p->families;

	while (f->family != family)
		f++;
	return f;
}

/* Pieces of text */

static inline bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static inline bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool text_all_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_digit(text[i]))
			return false;
	return length > 0;
}

/* How many bytes the first character of text has, to mark or show it as a whole in a message. */
static inline size_t text_char_length(const char *text, size_t length)
{
	size_t n = 1;

	if ((unsigned char)text[0] >= 0xc0)
		while (n < length && n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n++;
	return n;
}

/* The first comma without a backslash before it, or the end. */
static inline size_t text_find_comma(const char *text, size_t at, size_t length)
{
	for (; at < length && text[at] != ','; at++)
		if (text[at] == '\\' && at + 1 < length)
			at++;
	return at;
}

/* The last colon in [at, end), or end. */
static inline size_t text_last_colon(const char *text, size_t at, size_t end)
{
	const char *colon = memrchr(text + at, ':', end - at);

	return colon ? (size_t)(colon - text) : end;
}

/* addr-read.c: messages; both return -EINVAL */
int addr_bad(struct parser *p, size_t at, size_t length, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int addr_hint(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* addr-read.c: formats an address for a hint, as one word of the shell. Returns buf. */
#define QUOTED_MAX (6 * SHOWN)
char *addr_quote(char buf[QUOTED_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define QUOTE(...) addr_quote((char[QUOTED_MAX]){ 0 }, __VA_ARGS__)

/* addr-read.c: what a text looks like */
bool text_resembles(const char *word, size_t length, const char *known);
bool text_looks_ipv4(const char *text, size_t length);
bool text_is_ipv6(const char *text, size_t length, char canonical[64]);

/* addr-read.c: PORT, a service's name, or FIRST-LAST where ranges are allowed */
enum port_kind { PORT_VSOCK, PORT_MUX, PORT_TCP };
int addr_parse_port(struct parser *p, size_t at, size_t length, enum port_kind kind);

/* addr-read.c: parse the part between the family and the options; 0, or -EINVAL from addr_bad() */
int addr_parse_vsock(struct parser *p);
int addr_parse_tcp(struct parser *p);
int addr_parse_unix(struct parser *p);
int addr_parse_mux(struct parser *p);
int addr_parse_exec(struct parser *p);
int addr_parse_fd(struct parser *p);
int addr_parse_open_ended(struct parser *p);
/* parses everything after the first comma */
int addr_parse_options(struct parser *p);

/* addr-write.c: write what follows the family's name */
void addr_format_vsock(struct writer *w, const struct addr *addr);
void addr_format_tcp(struct writer *w, const struct addr *addr);
void addr_format_unix(struct writer *w, const struct addr *addr);
void addr_format_mux(struct writer *w, const struct addr *addr);
void addr_format_exec(struct writer *w, const struct addr *addr);
void addr_format_fd(struct writer *w, const struct addr *addr);
void addr_put_options(struct writer *w, const struct addr *addr);
/* Only ",netns=". */
void addr_put_netns(struct writer *w, const struct addr *addr);
void addr_put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the text, with "…" if it did not fit, and returns it. */
char *addr_put_end(struct writer *w);

/* addr-advice.c: refuses a text without a family where one is required. Returns -EINVAL. */
int addr_missing_family(struct parser *p);
/* Refuses a text without a family that is no short form but a common mistake. 0: it may be an
 * address. */
int addr_advise_short(struct parser *p);
/* Refuses a family that is not allowed here. */
int addr_check_role(struct parser *p);

#endif
