/* SPDX-License-Identifier: MIT */
/*
 * The audit: refusals and changes of authority, numbered, in a ring for each
 * realm, so that no realm can push out what is known of another. Only who holds
 * the Audit capability reads it. A realm's records are a chain: each has the hash
 * of the one before and its own. Only the newest may still be counted up, when
 * the same is refused again; it is sealed before another follows, and before it
 * is read. Nothing here may alter or remove what is sealed.
 */
#include "kernel.h"
#include <sodium/crypto_hash_sha256.h>
#include <stdarg.h>
#include <time.h>

/* Where record @rseq of realm @i is kept; 0: zeros, until the ring is full. */
static struct writ_audit_rec *record(uint32_t i, uint64_t rseq)
{
	return &k.audits[i * K_AUDITS + rseq % K_AUDITS];
}

static void seal(uint32_t i)
{
	struct writ_audit_rec *r = record(i, k.realms[i].audits);

	if (k.realms[i].unsealed)
		crypto_hash_sha256(r->chain, (void *)r,
		    offsetof(struct writ_audit_rec, what) + strlen(r->what));
	k.realms[i].unsealed = false;
}

static void append(struct writ_audit_rec *n)
{
	struct k_realm *realm = &k.realms[n->realm];

	seal(n->realm);
	memcpy(n->prev, record(n->realm, realm->audits)->chain, sizeof(n->prev));
	n->rseq = ++realm->audits;
	n->seq = k.audit_seq++;
	*record(n->realm, n->rseq) = *n;
	realm->unsealed = true;
}

/* What happened to @p, as @n says. A realm's first record says of which node it is, since when, so
 * that its chain is of no other. Refusals are counted; one that is the same as the newest of its
 * realm is counted there. */
static void add(struct k_proc *p, struct writ_audit_rec n, const char *what)
{
	const struct k_realm *realm = &k.realms[p->realm];
	bool first = n.kind == WRIT_AUDIT_NODE && n.op == 0;
	struct writ_audit_rec *r;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	n.time_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	n.pid = first ? 0 : p->pid;
	n.realm = p->realm;
	n.count = 1;
	snprintf(n.name, sizeof(n.name), "%s", first ? "" : p->name); /* zeros behind it */
	memcpy(n.realm_name, realm->name, sizeof(n.realm_name));
	snprintf(n.what, sizeof(n.what), "%s", what);
	if (k.audit_seq == 1 && !first)
		k.up_since = n.time_ns;
	if (realm->audits == 0 && !first)
		add(p, (struct writ_audit_rec){ .kind = WRIT_AUDIT_NODE },
		    text("node %s, up since %llu", k.node, (unsigned long long)k.up_since).s);
	if (n.kind == WRIT_AUDIT_REFUSED || n.kind == WRIT_AUDIT_NOTED) {
		p->refused++;
		r = record(n.realm, realm->audits);
		if (realm->unsealed && r->pid == n.pid && r->kind == n.kind && r->op == n.op &&
		    r->status == n.status && r->missing == n.missing && r->by == n.by &&
		    r->count < UINT32_MAX && strcmp(r->what, n.what) == 0) {
			r->count++;
			return;
		}
	}
	append(&n);
}

void k_audit(struct k_proc *p, unsigned kind, unsigned op, int status, uint32_t missing,
    uint32_t other, const char *what)
{
	struct writ_audit_rec n = { .kind = (uint16_t)kind, .op = (uint16_t)op, .status = status };

	n.missing = missing;
	n.other = other;
	add(p, n, what);
}

int k_why(struct k_req *q, int e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->why, sizeof(q->why), fmt, ap);
	va_end(ap);
	return e;
}

int k_call_note(struct k_req *q)
{
	const struct writ_note_req *r = q->in;
	struct k_proc *about = q->p;
	struct writ_audit_rec n = { .kind = WRIT_AUDIT_NOTED, .op = WRIT_OP_NOTE };

	if (memchr(r->what, '\0', sizeof(r->what)) == NULL)
		return WRIT_E_BAD_REQUEST;
	n.status = (int32_t)r->status;
	n.missing = r->right;
	if (q->h.arg != 0) {
		const struct k_session *s = k_session_named(q, K_SERVER);

		if (s == NULL)
			return WRIT_E_FAILED_LOOKUP;
		about = s->client;
	}
	n.by = about != q->p ? q->p->pid : 0;
	add(about, n, r->what);
	return 0;
}

/* The oldest record that is numbered @seq or higher, sealed, or NULL. */
static const struct writ_audit_rec *next_from(uint64_t seq)
{
	struct writ_audit_rec *best = NULL;

	for (uint32_t i = 0; i < k.realm_pool.used_to; i++) {
		uint64_t end = k.realms[i].audits + 1, mid;
		uint64_t at = end > K_AUDITS ? end - K_AUDITS : 1;

		for (uint64_t to = end; at < to;) {
			mid = (at + to) / 2;
			if (record(i, mid)->seq < seq)
				at = mid + 1;
			else
				to = mid;
		}
		if (at < end && (best == NULL || record(i, at)->seq < best->seq))
			best = record(i, at);
	}
	if (best != NULL && best->rseq == k.realms[best->realm].audits)
		seal(best->realm);
	return best;
}

int k_call_audit(struct k_req *q)
{
	struct writ_audit_rec *out = (void *)q->out;
	const struct writ_audit_rec *r;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);

	for (; n < max && (r = next_from(q->h.arg)) != NULL; q->h.arg = r->seq + 1)
		out[n++] = *r;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}
