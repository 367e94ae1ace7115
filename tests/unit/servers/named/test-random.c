/* SPDX-License-Identifier: MIT */
/*
 * named's tree against a naive model: a list of (path, bytes). Prints its seed;
 * WRIT_SEED sets it. In the tight case NO_SPACE may come at any time, and must
 * not have changed anything.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <writ/err.h>
#include "servers/named/data.h"
#include "servers/named/tree.h"
#include "tests/unit/servers/named/named-tests.h"

#define ENTRIES 300
#define OPENS   12
#define BYTES   200000 /* longest file */
#define STEPS   60000

struct body { /* of a file; lives while it has a name or is open */
	unsigned refs;
	size_t len;
	unsigned char data[BYTES];
};
struct entry {
	char path[64];     /* "": unused */
	struct body *body; /* NULL: a folder */
};
struct open_file {
	struct tree_node *node; /* NULL: unused */
	struct body *body;
};

static struct entry model[ENTRIES];
static struct open_file opens[OPENS];
static struct tree *t;
static uint64_t rng;
static bool tight;
static unsigned refused, done;

static uint64_t fake_now(void)
{
	return 1;
}

static unsigned pick(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 33) % n;
}

static void pick_path(char path[64])
{
	unsigned depth = 1 + pick(3);

	path[0] = '\0';
	for (unsigned i = 0; i < depth; i++)
		snprintf(path + 3 * i, 4, "/%c%c", 'a' + (int)pick(3), 'a' + (int)pick(2));
}

/* --- the model ------------------------------------------------------------------ */

static struct entry *model_find(const char *path)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (strcmp(model[i].path, path) == 0)
			return &model[i];
	return NULL;
}

/* 0 when all above @path are folders, else what the first that isn't gives. */
static int model_way(const char *path)
{
	const char *slash = path;
	char up[64];

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		const struct entry *e;

		memcpy(up, path, (size_t)(slash - path));
		up[slash - path] = '\0';
		e = model_find(up);
		if (e == NULL)
			return -WRIT_E_NOT_FOUND;
		if (e->body != NULL)
			return -WRIT_E_NOT_DIR;
	}
	return 0;
}

static int model_look(const char *path, struct entry **ret)
{
	int r = model_way(path);

	*ret = model_find(path);
	return r == 0 && *ret == NULL ? -WRIT_E_NOT_FOUND : r;
}

static bool model_has_children(const char *path)
{
	size_t n = strlen(path);

	for (unsigned i = 0; i < ENTRIES; i++)
		if (strncmp(model[i].path, path, n) == 0 && model[i].path[n] == '/')
			return true;
	return false;
}

static void body_put(struct body *b)
{
	if (b != NULL && --b->refs == 0)
		free(b);
}

static void model_add(const char *path, struct body *b)
{
	struct entry *e = model_find("");

	ck_assert_ptr_nonnull(e);
	snprintf(e->path, sizeof(e->path), "%s", path);
	e->body = b;
}

static void model_drop(struct entry *e)
{
	body_put(e->body);
	*e = (struct entry){ 0 };
}

/* --- steps ------------------------------------------------------------------------ */

/* Is @got the model's @want, or a refusal for lack of room where that may be? */
static bool agrees(int64_t got, int64_t want, const char *what, const char *path)
{
	if (got == -WRIT_E_NO_SPACE && tight) {
		refused++;
		return false;
	}
	if (got != want)
		ck_abort_msg("%s %s: got %lld, want %lld", what, path, (long long)got,
		    (long long)want);
	done += want >= 0;
	return want >= 0;
}

static void step_create(void)
{
	struct open_file *o = &opens[pick(OPENS)];
	struct tree_node *n;
	struct entry *e;
	char path[64];
	int want;

	pick_path(path);
	want = model_find(path) != NULL ? -WRIT_E_EXISTS : model_way(path);
	if (!agrees(tree_open(t, path, NULL, WRIT_O_CREATE | WRIT_O_EXCL, &n), want, "create",
		path))
		return;
	model_add(path, calloc(1, sizeof(struct body)));
	e = model_find(path);
	e->body->refs = 1;
	if (o->node != NULL) {
		tree_close(t, n);
		return;
	}
	e->body->refs++;
	*o = (struct open_file){ n, e->body };
}

static void step_open(void)
{
	struct open_file *o = &opens[pick(OPENS)];
	unsigned flags = pick(4) == 0 ? WRIT_O_TRUNC : 0;
	struct entry *e;
	char path[64];
	int want;

	if (o->node != NULL) {
		tree_close(t, o->node);
		body_put(o->body);
		o->node = NULL;
		return;
	}
	pick_path(path);
	want = model_look(path, &e);
	if (want == 0 && e->body == NULL)
		want = -WRIT_E_IS_DIR;
	if (!agrees(tree_open(t, path, NULL, flags, &o->node), want, "open", path))
		return;
	o->body = e->body;
	o->body->refs++;
	if (flags & WRIT_O_TRUNC) {
		memset(o->body->data, 0, o->body->len);
		o->body->len = 0;
	}
}

static void step_write(void)
{
	struct open_file *o = &opens[pick(OPENS)];
	static unsigned char buf[61440];
	size_t len = pick(pick(4) == 0 ? sizeof(buf) : 300);
	size_t off;

	if (o->node == NULL)
		return;
	off = pick(3) == 0 ? o->body->len : pick(BYTES);
	if (off + len > BYTES)
		return;
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)pick(256);
	if (!agrees(tree_write(t, o->node, off == o->body->len ? TREE_END : off, buf, len),
		(int64_t)len, "write", "") ||
	    len == 0)
		return;
	memcpy(o->body->data + off, buf, len);
	if (off + len > o->body->len)
		o->body->len = off + len;
}

static void step_read(void)
{
	const struct open_file *o = &opens[pick(OPENS)];
	static unsigned char buf[61440];
	size_t len = pick(sizeof(buf)), off = pick(BYTES), want = 0;

	if (o->node == NULL)
		return;
	if (off < o->body->len)
		want = o->body->len - off < len ? o->body->len - off : len;
	if (agrees(tree_read(o->node, off, buf, len), (int64_t)want, "read", ""))
		ck_assert(want == 0 || memcmp(buf, o->body->data + off, want) == 0);
}

static void step_stat(void)
{
	struct writ_stat st;
	struct entry *e;
	char path[64];
	int want;

	pick_path(path);
	want = model_look(path, &e);
	if (!agrees(tree_stat(t, path, &st), want, "stat", path))
		return;
	ck_assert_uint_eq(st.kind, e->body != NULL ? WRIT_FILE : WRIT_DIR);
	ck_assert_uint_eq(st.size, e->body != NULL ? e->body->len : 0);
}

static void step_mkdir(void)
{
	char path[64];
	int want;

	pick_path(path);
	want = model_find(path) != NULL ? -WRIT_E_EXISTS : model_way(path);
	if (agrees(tree_mkdir(t, path, NULL), want, "mkdir", path))
		model_add(path, NULL);
}

static void step_remove(void)
{
	struct entry *e;
	char path[64];
	int want;

	pick_path(path);
	want = model_look(path, &e);
	if (want == 0 && e->body == NULL && model_has_children(path))
		want = -WRIT_E_NOT_EMPTY;
	if (agrees(tree_remove(t, path), want, "remove", path))
		model_drop(e);
}

static int model_rename_check(const char *path, const char *to)
{
	struct entry *e, *victim;
	int r = model_look(path, &e);

	if (r == 0)
		r = model_way(to);
	if (r < 0)
		return r;
	victim = model_find(to);
	if (strcmp(path, to) == 0)
		return 0;
	if (strncmp(to, path, strlen(path)) == 0 && to[strlen(path)] == '/')
		return -WRIT_E_INVALID_ARGUMENT;
	if (victim == NULL)
		return 0;
	if (victim->body == NULL)
		return -WRIT_E_IS_DIR;
	return e->body == NULL ? -WRIT_E_NOT_DIR : 0;
}

static void step_rename(void)
{
	char path[64], to[64], moved[64];
	size_t n;

	pick_path(path);
	pick_path(to);
	n = strlen(path);
	/* the model's paths have three parts at most: don't push any deeper */
	if (model_has_children(path) && strlen(to) > 3)
		return;
	if (!agrees(tree_rename(t, path, to, NULL), model_rename_check(path, to), "rename", path) ||
	    strcmp(path, to) == 0)
		return;
	if (model_find(to) != NULL)
		model_drop(model_find(to));
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct entry *e = &model[i];

		if (strncmp(e->path, path, n) != 0 || (e->path[n] != '/' && e->path[n] != '\0'))
			continue;
		snprintf(moved, sizeof(moved), "%.20s%.30s", to, e->path + n);
		memcpy(e->path, moved, sizeof(moved));
	}
}

static void step_readdir(void)
{
	struct writ_dirent e[5];
	char path[64], full[400];
	struct entry *dir;
	uint64_t next = 0;
	unsigned count = 0, want = 0;
	int look;

	pick_path(path);
	look = model_look(path, &dir);
	if (look < 0 || dir->body != NULL) {
		agrees(tree_readdir(t, path, 0, e, 5, &next), look < 0 ? look : -WRIT_E_NOT_DIR,
		    "readdir", path);
		return;
	}
	for (unsigned i = 0; i < ENTRIES; i++)
		want += strlen(model[i].path) == strlen(path) + 3 &&
		    strncmp(model[i].path, path, strlen(path)) == 0;
	do {
		int64_t r = tree_readdir(t, path, next, e, 1 + pick(5), &next);

		ck_assert_int_ge(r, 0);
		for (int64_t i = 0; i < r; i++) {
			snprintf(full, sizeof(full), "%s/%s", path, e[i].name);
			ck_assert_ptr_nonnull(model_find(full));
		}
		count += (unsigned)r;
	} while (next != 0);
	ck_assert_uint_eq(count, want);
}

/* --- the whole --------------------------------------------------------------------- */

static void (*const steps[])(void) = {
	step_create,
	step_create,
	step_open,
	step_write,
	step_write,
	step_read,
	step_stat,
	step_mkdir,
	step_remove,
	step_rename,
	step_readdir,
};

/* Close and remove all: nothing may be left of it. */
static void sweep(struct tree_usage empty)
{
	struct tree_usage end;

	for (unsigned i = 0; i < OPENS; i++) {
		if (opens[i].node == NULL)
			continue;
		tree_close(t, opens[i].node);
		body_put(opens[i].body);
		opens[i].node = NULL;
	}
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < ENTRIES; i++)
			if (model[i].path[0] != '\0' && !model_has_children(model[i].path)) {
				ck_assert_int_eq(tree_remove(t, model[i].path), 0);
				model_drop(&model[i]);
			}
	end = tree_usage(t);
	ck_assert_uint_eq(end.nodes, empty.nodes);
	ck_assert_uint_eq(end.memory, empty.memory);
}

static void run(uint64_t memory, uint64_t nodes)
{
	const char *env = getenv("WRIT_SEED");
	uint64_t seed = env != NULL ? strtoull(env, NULL, 10) : (uint64_t)time(NULL);
	struct tree_conf conf = { .memory = memory,
		.nodes = nodes,
		.seed = { seed, 3 },
		.now = fake_now };
	struct tree_usage empty;

	printf("random tree, memory %llu: WRIT_SEED=%llu\n", (unsigned long long)memory,
	    (unsigned long long)seed);
	fflush(stdout);
	rng = seed * 2654435761u + 88172645463325252u;
	t = tree_new(&conf);
	ck_assert_ptr_nonnull(t);
	empty = tree_usage(t);
	for (unsigned i = 0; i < STEPS; i++) {
		steps[pick(sizeof(steps) / sizeof(steps[0]))]();
		ck_assert_uint_le(tree_usage(t).memory, memory);
		ck_assert_uint_le(tree_usage(t).nodes, nodes);
	}
	sweep(empty);
	tree_free(t);
	ck_assert_uint_gt(done, STEPS / 20);
}

START_TEST(random_operations_agree_with_the_model)
{
	tight = false;
	run(256 << 20, 10000);
}
END_TEST

START_TEST(random_operations_at_the_limit)
{
	tight = true;
	run(300000, 40);
	ck_assert_uint_gt(refused, 100); /* else it was not tight */
}
END_TEST

TCase *random_case(void)
{
	TCase *c = tcase_create("random");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, random_operations_agree_with_the_model);
	tcase_add_test(c, random_operations_at_the_limit);
	return c;
}
