/* SPDX-License-Identifier: MIT */
#include "tools/writ/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sodium/utils.h>

#include "tools/writ/show.h"
#include "tools/writ/table.h"

#define X(id, name) [WRIT_AUDIT_##id] = name,
static const char *const kind_names[WRIT_AUDIT_N] = { WRIT_AUDIT_KINDS(X) };
#undef X

#define X(id, name, fn, audit, body, addrs, doc) [WRIT_OP_##id] = #name,
static const char *const op_names[WRIT_OP_N] = { [WRIT_OP_NONE] = "-", WRIT_CALLS(X) };
#undef X

#define X(id, name) name,
static const char *const role_names[WRIT_BY_N] = { WRIT_ROLES(X) };
#undef X

static const struct invocation {
	unsigned op, type, role;
} invocations[] = {
#define X(op, type, role, rights, one) { WRIT_OP_##op, WRIT_TYPE_##type, WRIT_BY_##role },
	WRIT_INVOCATIONS(X)
#undef X
};

const char *record_kind(uint32_t kind)
{
	return kind < WRIT_AUDIT_N ? kind_names[kind] : "?";
}

const char *record_op(uint32_t op)
{
	return op < WRIT_OP_N ? op_names[op] : "?";
}

bool record_is_refusal(const Writ__Op__Record *r)
{
	return r->kind == WRIT_AUDIT_REFUSED || r->kind == WRIT_AUDIT_NOTED;
}

bool record_is_of(const Writ__Op__Record *r, const char *who)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", r->pid);
	return who == NULL || strcmp(who, pid) == 0 || strcmp(who, r->name) == 0 ||
	    strcmp(who, r->realm_name) == 0;
}

char *record_when(uint64_t ns, char *buf, size_t size)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(buf, size, "%F %T", &tm) == 0)
		snprintf(buf, size, "?");
	return buf;
}

/* The part that a slot was to play, where the kernel says "slot 7 (invoked)"; else WRIT_BY_N. */
static unsigned role_said(const char *what)
{
	unsigned slot, role = 0;
	char said[16], end;

	if (sscanf(what, "slot %u (%15[a-z])%c", &slot, said, &end) != 2)
		return WRIT_BY_N;
	while (role < WRIT_BY_N && strcmp(said, role_names[role]) != 0)
		role++;
	return role;
}

void record_put_what(const Writ__Op__Record *r)
{
	unsigned role = r->kind == WRIT_AUDIT_REFUSED ? role_said(r->what) : WRIT_BY_N;
	const char *sep = ", wants ";

	show_safe_put(stdout, r->what);
	for (size_t i = 0; i < sizeof(invocations) / sizeof(invocations[0]); i++)
		if (invocations[i].op == r->op && invocations[i].role == role) {
			printf("%s%s", sep, writ_type_name(invocations[i].type));
			sep = " or ";
		}
}

void record_put_proc(const Writ__Op__Record *r)
{
	show_safe_put(stdout, r->name[0] != '\0' ? r->name : "?");
	printf(" (pid %u, realm ", r->pid);
	show_safe_put(stdout, r->realm_name[0] != '\0' ? r->realm_name : "?");
	fputc(')', stdout);
}

static void take_hash(const ProtobufCBinaryData *from, uint8_t *to)
{
	if (from->len > 0)
		memcpy(to, from->data, from->len < 32 ? from->len : 32);
}

void record_take(const Writ__Op__Record *r, struct writ_audit_rec *ret)
{
	*ret = (struct writ_audit_rec){ .seq = r->seq,
		.rseq = r->rseq,
		.time_ns = r->time_ns,
		.pid = r->pid,
		.realm = r->realm,
		.kind = (uint16_t)r->kind,
		.op = (uint16_t)r->op,
		.status = r->status,
		.missing = r->missing,
		.count = r->count,
		.by = r->by,
		.other = r->other };
	take_hash(&r->prev, ret->prev);
	take_hash(&r->chain, ret->chain);
	snprintf(ret->name, sizeof(ret->name), "%s", r->name);
	snprintf(ret->realm_name, sizeof(ret->realm_name), "%s", r->realm_name);
	snprintf(ret->what, sizeof(ret->what), "%s", r->what);
}

size_t record_hashed(const struct writ_audit_rec *r)
{
	return offsetof(struct writ_audit_rec, what) + strnlen(r->what, sizeof(r->what));
}

char *record_hex(const uint8_t *hash, char buf[65])
{
	return sodium_bin2hex(buf, 65, hash, 32);
}

bool record_unhex(const char *text, uint8_t *ret_hash)
{
	char back[65];

	return strlen(text) == 64 &&
	    sodium_hex2bin(ret_hash, 32, text, 64, NULL, NULL, NULL) == 0 &&
	    strcmp(record_hex(ret_hash, back), text) == 0;
}

json_t *record_json(const struct writ_audit_rec *r, const char *fix)
{
	char rights[128], prev[65], chain[65], hex[2 * sizeof(r->what) + 1];
	json_t *exact = json_string(r->what), *all;

	all = json_pack("{s:I,s:I,s:I,s:I,s:o,s:o,s:I,s:s,s:I,s:s,s:I,s:i,s:s,s:s,s:I,s:I,s:I,s:I,"
			"s:o,s:s,s:s}",
	    "seq", (json_int_t)r->seq, "rseq", (json_int_t)r->rseq, "time_ns",
	    (json_int_t)r->time_ns, "pid", (json_int_t)r->pid, "name", table_string(r->name),
	    "realm", table_string(r->realm_name), "realm_id", (json_int_t)r->realm, "kind",
	    record_kind(r->kind), "kind_id", (json_int_t)r->kind, "op", record_op(r->op), "op_id",
	    (json_int_t)r->op, "status", (int)r->status, "error", writ_errname((uint32_t)r->status),
	    "missing", writ_rights_text(r->missing, rights, sizeof(rights)), "missing_bits",
	    (json_int_t)r->missing, "count", (json_int_t)r->count, "by", (json_int_t)r->by, "other",
	    (json_int_t)r->other, "what", table_string(r->what), "prev", record_hex(r->prev, prev),
	    "chain", record_hex(r->chain, chain));
	if (exact == NULL && all != NULL) { /* no UTF-8: `what' is made safe, here it is whole */
		sodium_bin2hex(hex, sizeof(hex), (const uint8_t *)r->what, strlen(r->what));
		json_object_set_new(all, "what_hex", json_string(hex));
	}
	json_decref(exact);
	if (fix != NULL && all != NULL)
		json_object_set_new(all, "fix", table_string(fix));
	return all;
}

/* Is @o what record_json() makes of @r, all that it shows besides included? */
static bool same_json(const json_t *o, const struct writ_audit_rec *r)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)o), *made = record_json(r, NULL);
	bool same;

	json_object_del(copy, "fix");
	same = copy != NULL && made != NULL && json_equal(copy, made) != 0;
	json_decref(copy);
	json_decref(made);
	return same;
}

bool record_parse(const json_t *o, struct writ_audit_rec *ret)
{
	json_int_t seq, rseq, time_ns, pid, realm, kind, op, status, missing, count, by, other;
	const char *name, *realm_name, *what, *prev, *chain, *hex = NULL;
	json_error_t e;

	*ret = (struct writ_audit_rec){ 0 };
	if (json_unpack_ex((json_t *)(uintptr_t)o, &e, 0,
		"{s:I,s:I,s:I,s:I,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s?s}", "seq",
		&seq, "rseq", &rseq, "time_ns", &time_ns, "pid", &pid, "name", &name, "realm",
		&realm_name, "realm_id", &realm, "kind_id", &kind, "op_id", &op, "status", &status,
		"missing_bits", &missing, "count", &count, "by", &by, "other", &other, "what",
		&what, "prev", &prev, "chain", &chain, "what_hex", &hex) != 0)
		return false;
	*ret = (struct writ_audit_rec){ .seq = (uint64_t)seq,
		.rseq = (uint64_t)rseq,
		.time_ns = (uint64_t)time_ns,
		.pid = (uint32_t)pid,
		.realm = (uint32_t)realm,
		.kind = (uint16_t)kind,
		.op = (uint16_t)op,
		.status = (int32_t)status,
		.missing = (uint32_t)missing,
		.count = (uint32_t)count,
		.by = (uint32_t)by,
		.other = (uint32_t)other };
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->realm_name, sizeof(ret->realm_name), "%s", realm_name);
	if (hex == NULL)
		snprintf(ret->what, sizeof(ret->what), "%s", what);
	else if (sodium_hex2bin((uint8_t *)ret->what, sizeof(ret->what) - 1, hex, strlen(hex), NULL,
		     NULL, NULL) != 0)
		return false;
	return record_unhex(prev, ret->prev) && record_unhex(chain, ret->chain) &&
	    same_json(o, ret);
}
