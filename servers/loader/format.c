/* SPDX-License-Identifier: MIT */
/* The attributes of objects in a dump, one list for reading and for writing, and the writer. */
#include "servers/loader/dump.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <writ/rights.h>

/* clang-format off */
#define ATTR(t, k, name, field, ...) \
	{ .type = WRIT_TYPE_##t, .kind = DUMP_##k, .key = name, \
		.at = offsetof(struct dump_obj, field), __VA_ARGS__ }
#define FROM(t) ATTR(t, REF, "from", from, .to = WRIT_TYPE_UNTYPED, .optional = true)
#define BOOT(t) ATTR(t, FLAG, "boot", boot, .optional = true)
#define NAME(t) ATTR(t, TEXT, "name", text, .optional = true)
#define NUMBER(t, key, i, most) ATTR(t, NUMBER, key, n[i], .max = most)
#define WORDS(t, kind, key, i) ATTR(t, kind, key, n[i], .max = 0)
#define REF(t, target, key, i, may) \
	ATTR(t, REF, key, ref[i], .to = WRIT_TYPE_##target, .optional = may)

const struct dump_attr dump_attrs[] = {
	BOOT(UNTYPED), FROM(UNTYPED),
	NUMBER(UNTYPED, "bytes", 0, UINT64_MAX), NUMBER(UNTYPED, "slots", 1, UINT32_MAX),
	NUMBER(UNTYPED, "procs", 2, UINT32_MAX),
	BOOT(CNODE), FROM(CNODE), REF(CNODE, PROC, "of", DUMP_OF, true), NUMBER(CNODE, "bits", 0, 16),
	FROM(ENDPOINT),
	FROM(NOTIFICATION),
	BOOT(MEMORY), NAME(MEMORY), FROM(MEMORY), NUMBER(MEMORY, "bytes", 0, (uint64_t)1 << 40),
	BOOT(IMAGE), NAME(IMAGE), FROM(IMAGE), NUMBER(IMAGE, "bytes", 0, (uint64_t)1 << 28),
	ATTR(IMAGE, HASH, "sha256", sha256, .optional = true),
	BOOT(HOST), NAME(HOST),
	BOOT(SCHED_CONTROL), BOOT(AUDIT),
	REF(PATH, ENDPOINT, "endpoint", DUMP_ENDPOINT, false),
	ATTR(PATH, TEXT, "prefix", text, .optional = true),
	BOOT(REALM), NAME(REALM), FROM(REALM), REF(REALM, UNTYPED, "account", DUMP_ACCOUNT, true),
	REF(REALM, HOST, "host", DUMP_HOST, true),
	NUMBER(REALM, "memory", 0, UINT64_MAX), NUMBER(REALM, "cores", 1, UINT32_MAX),
	REF(SPAWN, REALM, "realm", DUMP_REALM, false), REF(SPAWN, SPAWN, "within", DUMP_WITHIN, true),
	WORDS(SPAWN, CLASSES, "classes", 0), WORDS(SPAWN, PROFILES, "profiles", 1),
	NUMBER(SPAWN, "procs", 2, UINT32_MAX), NUMBER(SPAWN, "cores", 3, UINT32_MAX),
	NUMBER(SPAWN, "memory", 4, UINT64_MAX),
	NAME(PROC), REF(PROC, REALM, "realm", DUMP_REALM, false), WORDS(PROC, CLASS, "class", 0),
	WORDS(PROC, PROFILE, "profile", 1), NUMBER(PROC, "cores", 2, UINT32_MAX),
	NUMBER(PROC, "memory", 3, UINT64_MAX), NUMBER(PROC, "log", 4, UINT64_MAX),
	ATTR(PROC, FLAG, "held", held, .optional = true),
	REF(PROC, IMAGE, "image", DUMP_IMAGE, true),
	FROM(SCHED_CONTEXT), WORDS(SCHED_CONTEXT, CLASS, "class", 0),
	NUMBER(SCHED_CONTEXT, "cores", 1, UINT32_MAX), NUMBER(SCHED_CONTEXT, "weight", 2, UINT32_MAX),
	NUMBER(SCHED_CONTEXT, "period", 3, UINT32_MAX), NUMBER(SCHED_CONTEXT, "budget", 4, UINT32_MAX),
	REF(SCHED_CONTEXT, PROC, "of", DUMP_OF, true),
	{ .key = NULL },
};
/* clang-format on */
_Static_assert(sizeof(dump_attrs) / sizeof(dump_attrs[0]) <= 64, "a bit each in attributes()");

bool dump_uploaded(const struct dump_obj *o)
{
	return o->type == WRIT_TYPE_IMAGE && !o->boot;
}

static void put_text(const char *s, FILE *out)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\' || (unsigned char)*s < ' ' || (unsigned char)*s > '~')
			fprintf(out, "\\x%02x", (unsigned)(unsigned char)*s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

/* A set as "a+b". */
static void put_set(uint64_t set, unsigned n, const char *(*word)(unsigned x), FILE *out)
{
	const char *sep = "";

	for (unsigned i = 0; i < n; i++) {
		if ((set >> i & 1) == 0)
			continue;
		fprintf(out, "%s%s", sep, word(i));
		sep = "+";
	}
	if (*sep == '\0')
		fputs("none", out);
}

static void put_value(const struct dump *d, const struct dump_attr *a, const void *at, FILE *out)
{
	const uint64_t *n = at;
	const uint32_t *ref = at;
	const uint8_t *hash = at;

	switch (a->kind) {
	case DUMP_NUMBER: fprintf(out, "%" PRIu64, *n); break;
	case DUMP_REF: fputs(d->objs[*ref - 1].name, out); break;
	case DUMP_TEXT: put_text(at, out); break;
	case DUMP_CLASS: fputs(writ_class_name((unsigned)*n), out); break;
	case DUMP_PROFILE: fputs(writ_profile_name((unsigned)*n), out); break;
	case DUMP_CLASSES: put_set(*n, WRIT_CLASS_N, writ_class_name, out); break;
	case DUMP_PROFILES: put_set(*n, WRIT_PROFILE_N, writ_profile_name, out); break;
	case DUMP_HASH:
		for (int i = 0; i < 32; i++)
			fprintf(out, "%02x", hash[i]);
		break;
	case DUMP_FLAG:
	default: break;
	}
}

static bool is_there(const struct dump_obj *o, const struct dump_attr *a, const void *at)
{
	const bool *flag = at;
	const uint32_t *ref = at;
	const char *text = at;

	switch (a->kind) {
	case DUMP_FLAG: return *flag;
	case DUMP_REF: return *ref != 0;
	case DUMP_TEXT: return *text != '\0';
	case DUMP_HASH: return o->hashed;
	case DUMP_NUMBER:
	case DUMP_CLASS:
	case DUMP_PROFILE:
	case DUMP_CLASSES:
	case DUMP_PROFILES:
	default: return true;
	}
}

static void put_obj(const struct dump *d, const struct dump_obj *o, FILE *out)
{
	const char *sep = " (";

	fprintf(out, "%s = %s", o->name, writ_type_name(o->type));
	for (const struct dump_attr *a = dump_attrs; a->key != NULL; a++) {
		const char *at = (const char *)o + a->at;

		if (a->type != o->type || !is_there(o, a, at))
			continue;
		fprintf(out, "%s%s", sep, a->key);
		if (a->kind != DUMP_FLAG) {
			fputs(": ", out);
			put_value(d, a, at, out);
		}
		sep = ", ";
	}
	fputs(*sep == ',' ? ")\n" : "\n", out);
}

static void put_cap(const struct dump *d, const struct dump_cap *c, FILE *out)
{
	char rights[128];

	writ_rights_text(c->rights, rights, sizeof(rights));
	for (char *at = rights; *at != '\0'; at++)
		if (*at == ',')
			*at = '+';
	fprintf(out, "%u: %s (rights: %s", c->index, d->objs[c->obj - 1].name, rights);
	if (c->badge != 0)
		fprintf(out, ", badge: %" PRIu64, c->badge);
	if (c->guard_bits != 0)
		fprintf(out, ", guard: %u, guard_bits: %u", c->guard, c->guard_bits);
	fputs(")\n", out);
}

static void put_slot(const struct dump *d, const struct dump_cap *c, FILE *out)
{
	fprintf(out, "%s[%u]", d->objs[c->cnode - 1].name, c->index);
}

int dump_print(const struct dump *d, FILE *out)
{
	uint32_t open = 0;

	fputs(DUMP_FIRST "\n\nobjects {\n", out);
	for (uint32_t i = 0; i < d->nobjs; i++)
		put_obj(d, &d->objs[i], out);
	fputs("}\n\ncaps {\n", out);
	for (uint32_t i = 0; i < d->ncaps; i++) {
		const struct dump_cap *c = &d->caps[i];

		if (c->cnode != open)
			fprintf(out, "%s%s {\n", open != 0 ? "}\n" : "",
			    d->objs[c->cnode - 1].name);
		open = c->cnode;
		put_cap(d, c, out);
	}
	fprintf(out, "%s}\n\ntree {\n", open != 0 ? "}\n" : "");
	for (uint32_t i = 0; i < d->ncaps; i++) {
		if (d->caps[i].parent == 0)
			continue;
		put_slot(d, &d->caps[i], out);
		fputs(" <- ", out);
		put_slot(d, &d->caps[d->caps[i].parent - 1], out);
		fputc('\n', out);
	}
	fputs("}\n", out);
	return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
