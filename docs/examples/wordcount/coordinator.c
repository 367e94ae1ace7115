/* SPDX-License-Identifier: MIT */
/*
 * Coordinator of wordcount: cuts the input into pieces, gives them to mappers
 * that it spawns, then to reducers, and writes /out/counts. Each mapper is
 * given read on just the files it maps, and create on one folder.
 *
 * coordinator [MAPPERS [REDUCERS]]
 */
#include "words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <writ/writ.h>

enum {
	FILES_PER_MAPPER = 24,
	ARG_BYTES = 2400,
	AT_ONCE = 16,
	PIECE_MIN = 4096,
	TOP = 20,
	WORKER_MEMORY = 32 << 20
};

struct file {
	char *path;
	uint64_t size;
};
struct input {
	struct file *files;
	unsigned n, room;
	uint64_t bytes;
};

static _Noreturn void die(const char *what, int r)
{
	char text[200];
	int n = snprintf(text, sizeof(text), "%s: %s", what, writ_strerror(r));

	fprintf(stderr, "coordinator: %s\n", text);
	writ_exited(1, text, (size_t)n);
}

/* --- the input -------------------------------------------------------------------- */

static void add_file(struct input *in, const char *path, uint64_t size)
{
	if (in->n == in->room) {
		in->room = in->room != 0 ? 2 * in->room : 64;
		in->files = realloc(in->files, in->room * sizeof(*in->files));
		if (in->files == NULL)
			die("input", WRIT_E_NOT_ENOUGH_MEMORY);
	}
	in->files[in->n].path = strdup(path);
	in->files[in->n++].size = size;
	in->bytes += size;
}

static void find_files(struct input *in, const char *dir)
{
	struct writ_dirent *e;
	int n = writ_readdir(dir, &e);

	if (n < 0)
		die(dir, n);
	for (int i = 0; i < n; i++) {
		char path[WRIT_PREFIX_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", dir, e[i].name) >= (int)sizeof(path))
			die(e[i].name, WRIT_E_NAME_TOO_LONG);
		if (e[i].kind == WRIT_DIR)
			find_files(in, path);
		else
			add_file(in, path, e[i].size);
	}
	free(e);
}

/* --- one mapper's task ------------------------------------------------------------- */

struct task {
	unsigned n;   /* pieces */
	size_t bytes; /* of arguments */
	char args[3 * FILES_PER_MAPPER][WRIT_PREFIX_MAX];
	uint64_t load;
};

static void task_add(struct task *t, const char *path, uint64_t off, uint64_t len)
{
	snprintf(t->args[3 * t->n], WRIT_PREFIX_MAX, "%s", path);
	snprintf(t->args[3 * t->n + 1], WRIT_PREFIX_MAX, "%llu", (unsigned long long)off);
	snprintf(t->args[3 * t->n + 2], WRIT_PREFIX_MAX, "%llu", (unsigned long long)len);
	t->bytes += 2 * strlen(path) + 64; /* it is an argument and a name of a capability */
	t->load += len;
	t->n++;
}

/* Procs that run, oldest first; when there are too many, the oldest is waited for. */
struct crew {
	uint32_t procs[AT_ONCE];
	unsigned first, n;
};

static void crew_wait(struct crew *c)
{
	struct writ_exit e;
	uint32_t proc = c->procs[c->first];
	int r = writ_wait_exit(proc, &e);

	if (r < 0)
		die("wait", r);
	if (e.state != WRIT_STATE_EXITED || e.code != 0) {
		fprintf(stderr, "proc %u: %s %d %s\n", writ_pid(proc), writ_state_name(e.state),
		    e.code, e.said);
		die("a worker failed", WRIT_E_IO);
	}
	writ_slot_free(proc);
	c->first = (c->first + 1) % AT_ONCE;
	c->n--;
}

static void crew_spawn(struct crew *c, const struct writ_spawn *s)
{
	int64_t r;

	if (c->n == AT_ONCE)
		crew_wait(c);
	r = writ_spawn(s);
	if (r < 0)
		die(s->name, (int)r);
	c->procs[(c->first + c->n++) % AT_ONCE] = (uint32_t)r;
}

static void spawn_mapper(struct crew *c, const struct task *t, unsigned id, const char *reducers)
{
	const char *argv[3 * FILES_PER_MAPPER + 2] = { reducers };
	struct writ_give give[FILES_PER_MAPPER + 1];
	char name[32], out[32];
	unsigned n = 0;
	int r;

	snprintf(name, sizeof(name), "mapper-%u", id);
	snprintf(out, sizeof(out), "/out/map/%u", id);
	if ((r = writ_mkdir(out)) < 0)
		die(out, r);
	give[n++] = (struct writ_give){ .path = out, .as = "/out", .rights = WRIT_R_CREATE };
	for (unsigned i = 0; i < t->n; i++)
		give[n++] = (struct writ_give){ .path = t->args[3 * i], .rights = WRIT_R_READ };
	for (unsigned i = 0; i < 3 * t->n; i++)
		argv[1 + i] = t->args[i];
	crew_spawn(c,
	    &(struct writ_spawn){ .image = "mapper",
		.name = name,
		.argv = argv,
		.give = give,
		.ngive = n,
		.memory = WORKER_MEMORY });
}

/* Cut every file into pieces of about the same size, in order; full tasks go off at once. */
static unsigned map_all(const struct input *in, unsigned mappers, const char *reducers)
{
	uint64_t share = in->bytes / mappers + 1;
	static struct task t;
	struct crew crew = { 0 };
	unsigned id = 0;

	for (unsigned i = 0; i < in->n; i++) {
		for (uint64_t off = 0, len; off < in->files[i].size; off += len) {
			len = in->files[i].size - off;
			if (len > share - t.load)
				len = share - t.load > PIECE_MIN ? share - t.load
				    : len < PIECE_MIN            ? len
								 : PIECE_MIN;
			task_add(&t, in->files[i].path, off, len);
			if (t.load < share && t.n < FILES_PER_MAPPER && t.bytes < ARG_BYTES)
				continue;
			spawn_mapper(&crew, &t, id++, reducers);
			t = (struct task){ 0 };
		}
	}
	if (t.n > 0)
		spawn_mapper(&crew, &t, id++, reducers);
	while (crew.n > 0)
		crew_wait(&crew);
	return id;
}

/* --- reducers and the result ----------------------------------------------------------- */

static void reduce_all(unsigned reducers)
{
	struct crew crew = { 0 };

	for (unsigned i = 0; i < reducers; i++) {
		char name[32], out[40], part[16];
		const char *argv[] = { part, NULL };
		struct writ_give give[] = {
			{ .path = "/out/map", .as = "/map", .rights = WRIT_R_READ },
			{ .path = out, .as = "/out", .rights = WRIT_R_CREATE },
		};
		int r;

		snprintf(name, sizeof(name), "reducer-%u", i);
		snprintf(out, sizeof(out), "/out/reduce/%u", i);
		snprintf(part, sizeof(part), "%u", i);
		if ((r = writ_mkdir(out)) < 0)
			die(out, r);
		crew_spawn(&crew,
		    &(struct writ_spawn){ .image = "reducer",
			.name = name,
			.argv = argv,
			.give = give,
			.ngive = 2,
			.memory = WORKER_MEMORY });
	}
	while (crew.n > 0)
		crew_wait(&crew);
}

static void print_word(const char *word, uint64_t count, void *arg)
{
	(void)arg;
	printf("%7llu %s\n", (unsigned long long)count, word);
}

static void collect(unsigned reducers)
{
	struct words *w = words_new();
	char path[64], *text;
	int64_t n = w != NULL ? 0 : -WRIT_E_NOT_ENOUGH_MEMORY;

	for (unsigned i = 0; i < reducers && n >= 0; i++) {
		snprintf(path, sizeof(path), "/out/reduce/%u/counts", i);
		n = writ_get(path, &text);
		if (n >= 0) {
			n = words_parse(w, text, (size_t)n);
			free(text);
		}
	}
	if (n >= 0 && (n = words_text(w, 0, 1, &text)) >= 0) {
		n = writ_put("/out/counts", text, (size_t)n);
		free(text);
	}
	if (n < 0)
		die("/out/counts", (int)n);
	words_top(w, TOP, print_word, NULL);
	words_free(w);
}

static void make_dir(const char *path)
{
	int r = writ_mkdir(path);

	if (r < 0)
		die(path, r);
}

static unsigned number(const char *text, unsigned max)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (n == 0 || n > max)
		die("usage: coordinator [MAPPERS [REDUCERS]]", WRIT_E_INVALID_ARGUMENT);
	return (unsigned)n;
}

int writ_main(int argc, char **argv)
{
	unsigned mappers = number(argc > 1 ? argv[1] : "4", 10000);
	unsigned reducers = number(argc > 2 ? argv[2] : "2", 64);
	struct input in = { 0 };
	char text[16];

	snprintf(text, sizeof(text), "%u", reducers);
	find_files(&in, "/in");
	make_dir("/out/map");
	make_dir("/out/reduce");
	mappers = map_all(&in, mappers, text);
	reduce_all(reducers);
	printf("%u files, %llu bytes, %u mappers, %u reducers\n", in.n,
	    (unsigned long long)in.bytes, mappers, reducers);
	collect(reducers);
	for (unsigned i = 0; i < in.n; i++)
		free(in.files[i].path);
	free(in.files);
	return 0;
}
