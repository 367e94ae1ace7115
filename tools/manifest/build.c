/* SPDX-License-Identifier: MIT */
/* Words into pieces of the message, with their ranges. */
#include "tools/manifest/build.h"
#include <stdlib.h>
#include <string.h>
#include <writ/abi.h>

enum { PROCS_MAX = 8192, SLOTS_MIN = 64, SLOTS_MAX = 4096 };

const Writ__Manifest__Limits build_proc_limits = {
	PROTOBUF_C_MESSAGE_INIT(&writ__manifest__limits__descriptor),
	.memory = 64 * MIB,
	.log = 16 * MIB,
	.slots = 64,
};

void *build_alloc(struct doc *d, size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size);

	if (p == NULL)
		doc_oom(d);
	return p;
}

int build_text(struct doc *d, char **ret, const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		return doc_oom(d);
	*ret = p;
	return 0;
}

int build_name(struct doc *d, const char *at, const char *key, const char *s, char **ret)
{
	const char *fault = text_name_fault(s);
	char buf[TEXT_SHORT];

	if (fault != NULL)
		return doc_bad(d, at, key,
		    "`%s` %s: a name is 1 to 31 of a-z, 0-9 and -, and doesn't begin with -",
		    text_cut(buf, sizeof(buf), s), fault);
	return build_text(d, ret, s);
}

int build_args(struct doc *d, const char *at, char *const *args, unsigned n, char ***ret,
    size_t *ret_n)
{
	size_t bytes = 0;

	if (n == 0)
		return 0;
	if ((*ret = build_alloc(d, n, sizeof(char *))) == NULL)
		return -1;
	for (*ret_n = 0; *ret_n < n; (*ret_n)++) {
		bytes += strlen(args[*ret_n]) + 1;
		if (bytes > WRIT_BLOB_MAX)
			return doc_bad(d, at, "args", "are too long: together at most %d bytes",
			    WRIT_BLOB_MAX);
		if (build_text(d, *ret + *ret_n, args[*ret_n]) < 0)
			return -1;
	}
	return 0;
}

int build_size(struct doc *d, const char *at, const char *key, const char *s, uint64_t min,
    uint64_t *ret)
{
	static const uint64_t max = 1024 * GIB;
	char buf[TEXT_SHORT], low[TEXT_SHORT];
	uint64_t n;

	if (s == NULL)
		return 0;
	text_cut(buf, sizeof(buf), s);
	if (!text_size(s, &n))
		return doc_bad(d, at, key,
		    "`%s` is not a size: write a whole number and KiB, MiB or GiB, such as 64MiB",
		    buf);
	if (n < min || n > max)
		return doc_bad(d, at, key, "%s is out of range: from %s to 1024 GiB", buf,
		    text_of_size(low, min));
	*ret = n;
	return 0;
}

int build_cores(struct doc *d, const char *at, const char *key, const char *s, uint32_t *ret)
{
	char buf[TEXT_SHORT];
	uint32_t n;

	if (s == NULL)
		return 0;
	text_cut(buf, sizeof(buf), s);
	if (!text_cores(s, &n))
		return doc_bad(d, at, key,
		    "`%s` is not a number of cores: write such as 2 or 0.5, to the thousandth",
		    buf);
	if (n == 0 || n > 1024 * 1000)
		return doc_bad(d, at, key, "%s is out of range: from 0.001 to 1024 cores", buf);
	*ret = n;
	return 0;
}

int build_procs(struct doc *d, const char *at, const char *key, uint32_t n, uint32_t *ret)
{
	if (doc_find(d, at, key) == NULL)
		return 0;
	if (n < 1 || n > PROCS_MAX)
		return doc_bad(d, at, key, "%u is out of range: from 1 to %d procs", n, PROCS_MAX);
	*ret = n;
	return 0;
}

static int build_slots(struct doc *d, const char *at, uint32_t n, uint32_t *ret)
{
	uint32_t up = SLOTS_MIN;

	if (doc_find(d, at, "slots") == NULL)
		return 0;
	if (n < SLOTS_MIN || n > SLOTS_MAX)
		return doc_bad(d, at, "slots", "%u is out of range: a power of two from %d to %d",
		    n, SLOTS_MIN, SLOTS_MAX);
	while (up < n)
		up *= 2;
	if (up != n)
		return doc_bad(d, at, "slots", "%u is not a power of two: write %u or %u", n,
		    up / 2, up);
	*ret = n;
	return 0;
}

int build_limits(struct doc *d, const char *at, const struct y_limits *y,
    const Writ__Manifest__Limits *defaults, Writ__Manifest__Limits **ret)
{
	Writ__Manifest__Limits *l;

	if ((l = build_alloc(d, 1, sizeof(*l))) == NULL)
		return -1;
	*l = *defaults;
	*ret = l;
	if (y == NULL)
		return 0;
	if (build_procs(d, at, "procs", y->procs, &l->procs) < 0 ||
	    build_size(d, at, "memory", y->memory, MIB, &l->memory) < 0 ||
	    build_cores(d, at, "cores", y->cores, &l->cores) < 0 ||
	    build_size(d, at, "log", y->log, 4096, &l->log) < 0)
		return -1;
	return build_slots(d, at, y->slots, &l->slots);
}

/* --- names --------------------------------------------------------------- */

int names_add(struct doc *d, struct names *t, const char *at, const char *key, const char *s)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->v[i].name, s) == 0)
			return doc_bad(d, at, key, "there is %s `%s` already, on line %u", t->kind,
			    s, t->v[i].line);
	if (t->n == BUILD_NAMES_MAX)
		return doc_bad(d, at, key, "too many names: at most %d", BUILD_NAMES_MAX);
	t->v[t->n].name = s;
	t->v[t->n++].line = doc_line(d, at, key);
	return 0;
}

int names_want(struct doc *d, const struct names *t, const char *at, const char *key, const char *s)
{
	const char *kind = strchr(t->kind, ' ') + 1;
	char buf[TEXT_SHORT], list[TEXT_LONG] = "";
	struct text_near near;
	size_t len = 0;
	unsigned i;

	text_near_init(&near, s);
	for (i = 0; i < t->n; i++) {
		if (strcmp(t->v[i].name, s) == 0)
			return 0;
		text_near_try(&near, t->v[i].name);
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
			    i == 0 ? "" : ", ", t->v[i].name);
	}
	text_cut(buf, sizeof(buf), s);
	if (near.best != NULL)
		return doc_bad(d, at, key, "there is no %s `%s`; did you mean `%s`?", kind, buf,
		    near.best);
	return doc_bad(d, at, key, "there is no %s `%s`; there %s: %s", kind, buf,
	    t->n == 1 ? "is" : "are", t->n == 0 ? "none" : list);
}

const char *build_rights(char buf[TEXT_SHORT * 2], uint32_t rights)
{
	size_t n = 0;

	buf[0] = '\0';
#define X(id, bit, name) \
	if ((rights & (bit)) != 0) \
		n += (size_t)snprintf(buf + n, TEXT_SHORT * 2 - n, "%s%s", n == 0 ? "" : ", ", \
		    name);
	WRIT_RIGHTS(X)
#undef X
	return buf;
}
