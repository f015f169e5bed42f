/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr-parts: what the files of addr share with each other, and with nobody else.
 *
 * Theory of operation: addr.c finds the family and calls its parser, which reads from begin to end of a struct parser;
 * then addr-options.c reads the options. Who finds a mistake says it with addr_bad(), what to write instead with
 * addr_hint(), and returns -EINVAL, which goes up unchanged.
 */
#ifndef NET_ADDR_PARTS_H
#define NET_ADDR_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "net/addr.h"

#define SHOWN 72        /* bytes of somebody's text that a message repeats, with its NUL */

/* Somebody's text, fit to be shown; the buffer lives as long as the block that it is written in. */
#define SHOW(text, length) log_escape((text), (length), (char[SHOWN]){ 0 }, SHOWN)

/* One text that is being read. Offsets are in text, as the caret counts them. */
struct parser {
	const char *text;
	size_t length;
	const struct addr_context *context;
	struct addr *addr;
	struct addr_error *error;
	const struct family *family;
	bool url;          /* FAMILY:// was written */
	size_t begin, end; /* of what stands between the family and the options */
};

/* A text that is being made; what doesn't fit is dropped, and full says so. */
struct writer {
	char *buf;
	size_t size, length;
	bool full;
};

/* A family has one entry, in addr.c; further spellings have further ones. */
struct family {
	const char *name;
	enum addr_family family;
	bool seqpacket;
	uint8_t ip;
	bool url;                /* may "//" follow? */
	unsigned roles;          /* ADDR_CONNECT | ADDR_LISTEN */
	unsigned connect, listen; /* ADDR_OPT_ bits, by role */
	int (*parse)(struct parser *p);
	void (*format)(struct writer *w, const struct addr *addr);
};

static inline bool listening(const struct parser *p)
{
	return p->context->role == ADDR_LISTEN;
}

static inline bool allows(const struct parser *p, unsigned flag)
{
	return (p->context->flags & flag) != 0;
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static inline bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* addr.c: the families */
#define ADDR_FAMILIES 18 /* entries of the table: a new one counts up here */
extern const struct family addr_families[ADDR_FAMILIES];
const struct family *addr_find_family(const char *word, size_t length, bool any_case);
const struct family *addr_family_of(enum addr_family family, bool seqpacket, uint8_t ip);
/* The entry that a family which was not written has: vsock:, unix: or vsock-mux:. */
const struct family *addr_first_family(enum addr_family family);

/* addr-text.c: messages; both return -EINVAL */
int addr_bad(struct parser *p, size_t at, size_t length, const char *format, ...) __attribute__((format(printf, 4, 5)));
int addr_hint(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* addr-text.c: pieces of text. Offsets are in text, lengths in bytes. */
bool text_all_digits(const char *text, size_t length);
size_t text_char_length(const char *text, size_t length);
size_t text_find_comma(const char *text, size_t at, size_t length);
size_t text_last_colon(const char *text, size_t at, size_t end);
size_t text_count_colons(const char *text, size_t at, size_t end);
unsigned text_distance(const char *a, size_t m, const char *b);
bool text_resembles(const char *word, size_t length, const char *known);
bool text_looks_ipv4(const char *text, size_t length);
bool text_is_ipv6(const char *text, size_t length, char canonical[64]);
bool text_is_hex(const char *text, size_t length);
size_t text_scan_number(const char *text, size_t length, bool hex, uint64_t *number);
int addr_unescape(struct parser *p, size_t at, size_t length, char *to, size_t size);
int addr_read_number(struct parser *p, size_t at, size_t length, const char *what, bool hex, uint64_t max,
                     uint64_t *number);
void addr_put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* addr-cid.c: CIDs and ports. addr_read_port() reads one number, addr_parse_port() all that a port may be. */
enum port_kind { PORT_VSOCK, PORT_MUX, PORT_TCP };
int addr_parse_cid(struct parser *p, size_t at, size_t length, uint32_t *cid, const struct hosts_entry **entry);
int addr_read_port(struct parser *p, size_t at, size_t length, enum port_kind kind, uint32_t *port);
int addr_parse_port(struct parser *p, size_t at, size_t length, enum port_kind kind);

/* addr-options.c: what follows the first comma */
int addr_parse_options(struct parser *p);
int addr_comma_in_path(struct parser *p);
void addr_put_options(struct writer *w, const struct addr *addr);
bool addr_options_equal(const struct addr *x, const struct addr *y);

/* addr-foreign.c: true if they knew what was meant, and said so */
bool addr_explain_family(struct parser *p);
bool addr_explain_ipv6(struct parser *p);

/* addr-parse.c: what stands between the family and the options; 0, or -EINVAL from addr_bad() */
int addr_parse_vsock(struct parser *p);
int addr_parse_tcp(struct parser *p);
int addr_parse_unix(struct parser *p);
int addr_parse_mux(struct parser *p);
int addr_parse_fd(struct parser *p);
int addr_parse_stdio(struct parser *p);
int addr_parse_open_ended(struct parser *p);

/* addr-exec.c */
int addr_parse_exec(struct parser *p);

/* addr-format.c: the same the other way, the family included */
void addr_format_vsock(struct writer *w, const struct addr *addr);
void addr_format_tcp(struct writer *w, const struct addr *addr);
void addr_format_unix(struct writer *w, const struct addr *addr);
void addr_format_mux(struct writer *w, const struct addr *addr);
void addr_format_exec(struct writer *w, const struct addr *addr);
void addr_format_fd(struct writer *w, const struct addr *addr);
void addr_format_stdio(struct writer *w, const struct addr *addr);
void addr_format_open_ended(struct writer *w, const struct addr *addr);

#endif
