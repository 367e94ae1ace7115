/* SPDX-License-Identifier: MIT */
/*
 * A realm's manifest in plain words, for someone who decides whether to run
 * it. Says what is granted and nothing that isn't.
 */
#include <string.h>
#include <sys/syscall.h>
#include <writ/abi.h>
#include "tools/manifest/build.h"
#include "kernel/syscalls.h"

static const char *class_text(uint32_t class)
{
	return class == WRIT_CLASS_LC ? "latency-critical (lc): its cores are reserved"
				      : "best effort (be): it gets the CPU that is left over";
}

/* Number of system calls that profile native allows; a call may have several rows. */
static unsigned native_calls(void)
{
	static const struct {
		unsigned nr, profiles;
		const char *rule;
	} rows[] = {
#define X(call, rule, profiles, reason) { __NR_##call, profiles, #rule },
		SYSCALLS(X)
#undef X
	};
	bool seen[512] = { false };
	unsigned n = 0;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((rows[i].profiles & PN) == 0 || strcmp(rows[i].rule, "ABSENT") == 0)
			continue;
		n += !seen[rows[i].nr];
		seen[rows[i].nr] = true;
	}
	return n;
}

static void say_limits(FILE *out, const Writ__Manifest__Limits *l)
{
	char b[TEXT_SHORT];

	fprintf(out, "%s of memory", text_of_size(b, l->memory));
	if (l->cores != 0)
		fprintf(out, ", %s", text_of_cores(b, l->cores));
}

/* Layers that hold by eBPF: which is up to the node's guard as well. */
static bool guarded(const char *layer)
{
	return strncmp(layer, "ebpf_", 5) == 0;
}

static void say_require(FILE *out, const Writ__Manifest__Realm *r)
{
	bool ebpf = false;
	size_t i;

	fprintf(out, "  does not run without: ");
	for (i = 0; i < r->n_require; i++) {
		fprintf(out, "%s%s", i > 0 ? ", " : "", r->require[i]);
		ebpf = ebpf || guarded(r->require[i]);
	}
	fprintf(out, "%s\n", ebpf ? " (a node's guard must enforce)" : "");
}

static void say_realm(FILE *out, const Writ__Manifest__Realm *r)
{
	fprintf(out, "realm %s (%s)\n", r->name, r->file);
	fprintf(out, "  all its procs together: at most %u procs at once, ", r->limits->procs);
	say_limits(out, r->limits);
	fprintf(out, "\n");
	if (r->n_require > 0)
		say_require(out, r);
}

static const Writ__Manifest__Mount *mount_of(const Writ__Manifest__Realm *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->n_mounts; i++)
		if (text_below(path, r->mounts[i]->at))
			return r->mounts[i];
	return NULL;
}

/* What each right on a path lets one do, in words. */
static const struct {
	uint32_t right;
	const char *may, *cannot;
} verbs[] = {
	{ WRIT_R_READ, "read", "read" },
	{ WRIT_R_WRITE, "change files in", "change" },
	{ WRIT_R_CREATE, "create files in", "create" },
	{ WRIT_R_REMOVE, "remove files in", "remove" },
	{ WRIT_R_WATCH, "watch", NULL },
	{ WRIT_R_EXEC, "run programs from", NULL },
	{ WRIT_R_MOUNT, "register servers under", NULL },
	{ WRIT_R_GRANT, "send capabilities to the server of", NULL },
};
enum { VERBS_N = sizeof(verbs) / sizeof(verbs[0]) };

/* "read and create files in": the @n-th of @count verbs is said. */
static const char *joint(unsigned n, unsigned count, const char *last)
{
	return n == 0 ? "" : n + 1 < count ? ", " : last;
}

static void say_may(FILE *out, uint32_t rights)
{
	unsigned n = 0, count = (unsigned)__builtin_popcount(rights);
	size_t i;

	fprintf(out, "  may ");
	for (i = 0; i < VERBS_N; i++)
		if ((rights & verbs[i].right) != 0)
			fprintf(out, "%s%s", joint(n++, count, " and "), verbs[i].may);
}

static void say_cannot(FILE *out, uint32_t rights)
{
	uint32_t four = WRIT_R_READ | WRIT_R_WRITE | WRIT_R_CREATE | WRIT_R_REMOVE;
	unsigned n = 0, count = (unsigned)__builtin_popcount(four & ~rights);
	size_t i;

	if (count == 0)
		return;
	fprintf(out, "; can %s", count == 1 ? "not " : "neither ");
	for (i = 0; i < VERBS_N; i++)
		if ((four & ~rights & verbs[i].right) != 0)
			fprintf(out, "%s%s", joint(n++, count, " nor "), verbs[i].cannot);
	fprintf(out, " there");
}

static void say_path(FILE *out, const Writ__Manifest__Realm *r, const Writ__Manifest__Grant *g)
{
	const Writ__Manifest__Mount *m = mount_of(r, g->name);
	size_t i, inside = 0;

	say_may(out, g->rights);
	fprintf(out, " %s", g->name);
	if (strcmp(g->name, g->as) != 0)
		fprintf(out, ", which it sees as %s", g->as);
	if (m != NULL)
		fprintf(out, " (host folder %s, %s)", m->host,
		    m->rights == WRIT_R_READ ? "read-only" : "writable");
	say_cannot(out, g->rights);
	for (i = 0; i < r->n_mounts; i++)
		if (m == NULL && text_below(r->mounts[i]->at, g->name))
			fprintf(out, "%s%s", inside++ == 0 ? "; not in the mounted " : ", ",
			    r->mounts[i]->at);
	fprintf(out, "\n");
}

static void say_classes(FILE *out, uint32_t classes)
{
	unsigned n = 0, count = (unsigned)__builtin_popcount(classes);

#define X(id, name) \
	if ((classes & 1u << WRIT_CLASS_##id) != 0) \
		fprintf(out, "%s%s", joint(n++, count, " or "), name);
	WRIT_CLASSES(X)
#undef X
}

static void say_spawn(FILE *out, const Writ__Manifest__Proc *p, const Writ__Manifest__Grant *g)
{
	size_t i;
	unsigned n = 0;

	fprintf(out, "  may start up to %u procs at once (%s) from ", g->limits->procs, g->name);
	for (i = 0; i < p->n_grants; i++)
		if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_IMAGE)
			fprintf(out, "%s%s", n++ == 0 ? "" : ", ", p->grants[i]->name);
	fprintf(out, "%s, of class ", n == 0 ? "no image: it is granted none" : "");
	say_classes(out, g->classes);
	fprintf(out, ", with ");
	say_limits(out, g->limits);
	fprintf(out, " between them; they get at most what it holds itself\n");
}

static void say_service(FILE *out, const Writ__Manifest__Realm *r, const Writ__Manifest__Grant *g)
{
	char rights[TEXT_SHORT * 2];
	size_t i;

	fprintf(out, "  may use the service %s as /svc/%s with the rights %s", g->name, g->name,
	    build_rights(rights, g->rights));
	for (i = 0; i < r->n_procs; i++)
		if (strcmp(r->procs[i]->provides, g->name) == 0)
			fprintf(out, "; %s is behind it", r->procs[i]->name);
	fprintf(out, "\n");
}

static void say_image(FILE *out, const Writ__Manifest__Realm *r, const char *name)
{
	char size[TEXT_SHORT];
	size_t i, k;

	for (i = 0; i < r->n_images; i++) {
		const Writ__Manifest__Image *m = r->images[i];

		if (strcmp(m->name, name) != 0)
			continue;
		fprintf(out, "image %s, %s, %s, sha256 ", name, m->path,
		    text_of_size(size, m->size));
		for (k = 0; k < 8 && k < m->sha256.len; k++)
			fprintf(out, "%02x", m->sha256.data[k]);
		fprintf(out, "...%s", m->pinned ? " (pinned)" : "");
	}
}

static void say_proc(FILE *out, const Writ__Manifest__Realm *r, const Writ__Manifest__Proc *p)
{
	char size[TEXT_SHORT];
	size_t i;

	fprintf(out, "\n%s (line %u)\n  runs ", p->name, p->line);
	say_image(out, r, p->image);
	for (i = 0; i < p->n_args; i++) {
		fprintf(out, i == 0 ? ", with the arguments " : " ");
		text_quote(out, p->args[i]);
	}
	fprintf(out, "\n  with at most ");
	say_limits(out, p->limits);
	fprintf(out, ", %s of log, %u capabilities\n", text_of_size(size, p->limits->log),
	    p->limits->slots);
	fprintf(out, "  is %s\n", class_text(p->class_));
	if (*p->provides != '\0')
		fprintf(out, "  is the server of the service %s\n", p->provides);
	for (i = 0; i < p->n_grants; i++)
		if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_PATH)
			say_path(out, r, p->grants[i]);
		else if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_SPAWN)
			say_spawn(out, p, p->grants[i]);
		else if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_SERVICE)
			say_service(out, r, p->grants[i]);
		else if (p->grants[i]->kind == WRIT__MANIFEST__GRANT__KIND__KIND_ENDPOINT)
			fprintf(out,
			    "  has the endpoint %s of its own: serves whom it gives a "
			    "path to it, or registers that for\n",
			    p->grants[i]->name);
	fprintf(out,
	    "  nothing else: no network, no other file, no other system call than the %u "
	    "of profile native\n",
	    native_calls());
}

void manifest_realm_explain(FILE *out, const Writ__Manifest__Realm *r)
{
	size_t i;

	say_realm(out, r);
	for (i = 0; i < r->n_procs; i++)
		say_proc(out, r, r->procs[i]);
}
