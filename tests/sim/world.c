/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all parts of the simulation share: random numbers, lines of bytes, descriptors, failing. */
#include "config.h"

#include "sim.h"

#include <stdarg.h>

struct world world;

/* Random numbers: splitmix64. */

uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *random, uint64_t limit)
{
	return limit ? random_next(random) % limit : 0;
}

bool random_chance(struct random *random, unsigned permille)
{
	return permille && random_below(random, 1000) < permille;
}

size_t random_size(struct random *random, size_t most)
{
	if (most <= 1 || random_chance(random, 300))
		return most ? most : 1;
	if (random_chance(random, 300))
		most = most < 16 ? most : 16;
	return 1 + (size_t)random_below(random, most);
}

/* Memory of the kernel's objects, freed with the world */

struct chunk {
	struct chunk *next;
	max_align_t data[];
};

void *world_memory(size_t size)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (!chunk)
		abort();
	chunk->next = world.memory;
	world.memory = chunk;
	return chunk->data;
}

void world_free(void)
{
	for (struct chunk *chunk = world.memory, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	world.memory = NULL;
}

/* Lines */

static void *grown(void *memory, size_t used, size_t size)
{
	void *larger = world_memory(size);

	if (used)
		memcpy(larger, memory, used);
	return larger;
}

void queue_put(struct queue *queue, const void *data, size_t size)
{
	if (!size)
		return;
	if (queue->start && queue->start + queue->length + size > queue->room) {
		memmove(queue->data, queue->data + queue->start, queue->length);
		queue->start = 0;
	}
	if (queue->length + size > queue->room) {
		queue->room = 2 * queue->room + size;
		queue->data = grown(queue->data, queue->length, queue->room);
	}
	memcpy(queue->data + queue->start + queue->length, data, size);
	queue->length += size;
}

const unsigned char *queue_head(const struct queue *queue)
{
	static const unsigned char nothing[1];

	/* memcpy() and its kin want an address even for no bytes */
	return queue->data ? queue->data + queue->start : nothing;
}

void queue_drop(struct queue *queue, size_t size)
{
	queue->start += size;
	queue->length -= size;
	if (!queue->length)
		queue->start = 0;
}

void messages_put(struct messages *messages, struct message message)
{
	if (messages->start + messages->count == messages->room) {
		messages->room = 2 * messages->room + 8;
		messages->list = grown(messages->list,
				       (messages->start + messages->count) * sizeof(message),
				       messages->room * sizeof(message));
	}
	messages->list[messages->start + messages->count++] = message;
}

struct message *messages_first(const struct messages *messages)
{
	return messages->count ? &messages->list[messages->start] : NULL;
}

struct message *messages_last(const struct messages *messages)
{
	return messages->count ? &messages->list[messages->start + messages->count - 1] : NULL;
}

void messages_drop(struct messages *messages)
{
	messages->start++;
	if (!--messages->count)
		messages->start = 0;
}

/* What flows: a table long enough that no shift goes unseen, with line ends of both kinds. */

#define TABLE 65521

static const unsigned char *table(void)
{
	static unsigned char bytes[TABLE];
	struct random random = { .state = 4711 };

	if (bytes[0] || bytes[1])
		return bytes;
	for (size_t i = 0; i < TABLE; i++) {
		uint64_t value = random_next(&random);

		bytes[i] = (unsigned char)(value >> 8);
		if (value % 64 == 0)
			bytes[i] = '\n';
		if (value % 64 == 1)
			bytes[i] = '\r';
	}
	bytes[0] = 'V';
	return bytes;
}

const unsigned char *pattern(int side, uint64_t at, size_t *size)
{
	size_t place = (size_t)((at + (uint64_t)side * 30011) % TABLE);

	if (*size > TABLE - place)
		*size = TABLE - place;
	return table() + place;
}

/* Descriptors */

struct file *file_make(enum file_type type)
{
	struct file *file = world_memory(sizeof(*file));

	file->type = type;
	file->side = -1;
	file->ready_last = &file->ready;
	file->next = world.files;
	world.files = file;
	return file;
}

int fd_open(struct file *file)
{
	for (int fd = 3; fd < FDS; fd++) {
		if (world.fds[fd])
			continue;
		world.fds[fd] = file;
		file->references++;
		return fd;
	}
	fail("leak", "all %d descriptors are in use", FDS);
}

struct file *fd_file(int fd)
{
	if (fd < 0 || fd >= FDS || !world.fds[fd])
		fail("closed", "descriptor %d is used, and is not open", fd);
	return world.fds[fd];
}

void file_drop(struct file *file)
{
	if (--file->references)
		return;
	epoll_closed(file);
	if (file->sock)
		sock_close(file->sock);
	if (file->tube && file->type == FILE_PIPE_READ)
		tube_close(file->tube, true);
	if (file->tube && file->type == FILE_PIPE_WRITE)
		tube_close(file->tube, false);
}

/* Saying */

void trace(const char *format, ...)
{
	va_list list;

	if (!world.trace)
		return;
	printf("%10.3f ", (double)(world.now - world.started) / (double)MSEC);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
}

void changed(void)
{
	world.quiet_calls = 0;
}

void fail(const char *oracle, const char *format, ...)
{
	va_list list;

	if (!world.oracle) {
		world.oracle = oracle;
		va_start(list, format);
		vsnprintf(world.detail, sizeof(world.detail), format, list);
		va_end(list);
		trace("FAILED: %s: %s", oracle, world.detail);
	}
	if (thread_current())
		thread_park();
	longjmp(world.escape, 1);
}
