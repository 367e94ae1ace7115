/* SPDX-License-Identifier: MIT */
/*
 * The audit: refusals and changes of authority, numbered, in a ring for each
 * realm, so that no realm can push out what is known of another. Only who holds
 * the Audit capability reads it. The same refusal of the same proc again and
 * again is one record with a count.
 */
#include "kernel.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool same_refusal(const struct writ_audit_rec *r, uint64_t seq,
    const struct writ_audit_rec *n)
{
	return r != NULL && r->seq == seq && r->kind == n->kind && r->op == n->op &&
	    r->missing == n->missing && r->by == n->by && strcmp(r->what, n->what) == 0;
}

static struct writ_audit_rec *append(struct writ_audit_rec *n)
{
	struct k_realm *realm = &k.realms[n->realm];
	struct writ_audit_rec *r = &k.audits[n->realm * K_AUDITS + realm->audits++ % K_AUDITS];

	n->seq = realm->last_audit = k.audit_seq++;
	*r = *n;
	return r;
}

static void fill(struct writ_audit_rec *n, const struct k_proc *p, unsigned kind, unsigned op,
    int status, const char *what)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	*n = (struct writ_audit_rec){ .time_ns = (uint64_t)ts.tv_sec * 1000000000u +
		    (uint64_t)ts.tv_nsec,
		.kind = (uint16_t)kind,
		.op = (uint16_t)op,
		.status = status,
		.count = 1 };
	if (p != NULL) {
		n->pid = p->pid;
		n->realm = p->realm;
		memcpy(n->name, p->name, sizeof(n->name));
		memcpy(n->realm_name, k.realms[p->realm].name, sizeof(n->realm_name));
	}
	snprintf(n->what, sizeof(n->what), "%s", what != NULL ? what : "");
}

void k_audit(const struct k_proc *p, unsigned kind, unsigned op, int status, uint32_t missing,
    uint32_t other, const char *what)
{
	struct writ_audit_rec n;

	fill(&n, p, kind, op, status, what);
	n.missing = missing;
	n.other = other;
	append(&n);
}

/* A refusal counts against @p; @by is who reports it, 0: the kernel itself. */
static void refusal(struct k_proc *p, struct writ_audit_rec *n)
{
	p->refused++;
	if (same_refusal(p->last_audit, p->last_seq, n)) {
		p->last_audit->count++;
		return;
	}
	p->last_audit = append(n);
	p->last_seq = n->seq;
}

void k_audit_refused(struct k_req *q, int status)
{
	struct writ_audit_rec n;

	fill(&n, q->p, WRIT_AUDIT_REFUSED, q->h.op, status, q->why);
	n.missing = q->missing;
	n.other = q->h.cap;
	refusal(q->p, &n);
}

int k_call_note(struct k_req *q)
{
	const struct writ_note_req *r = q->in;
	struct k_proc *about = q->p;
	struct writ_audit_rec n;
	uint32_t i = (uint32_t)(q->h.arg & 0xffff);

	if (q->h.len != sizeof(*r) || memchr(r->what, '\0', sizeof(r->what)) == NULL)
		return WRIT_E_BAD_REQUEST;
	if (q->h.arg != 0) {
		const struct k_session *s = &k.sessions[i < K_SESSIONS ? i : 0];

		if (s->id != q->h.arg || s->server != q->p || s->client == NULL)
			return WRIT_E_FAILED_LOOKUP;
		about = s->client;
	}
	fill(&n, about, WRIT_AUDIT_NOTED, WRIT_OP_NOTE, (int)r->status, r->what);
	n.missing = r->right;
	n.by = about != q->p ? q->p->pid : 0;
	refusal(about, &n);
	return 0;
}

/* The oldest record that is numbered @seq or higher, or NULL. */
static const struct writ_audit_rec *next_from(uint64_t seq)
{
	const struct writ_audit_rec *best = NULL;

	for (uint32_t i = 0; i < k.realm_pool.used_to; i++) {
		const struct writ_audit_rec *r = &k.audits[i * K_AUDITS];

		if (k.realms[i].last_audit < seq)
			continue;
		for (const struct writ_audit_rec *end = r + K_AUDITS; r < end; r++)
			if (r->seq >= seq && (best == NULL || r->seq < best->seq))
				best = r;
	}
	return best;
}

int k_call_audit(struct k_req *q)
{
	struct writ_audit_rec *out = (void *)q->out;
	const struct writ_audit_rec *r;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);

	if (q->h.arg == 0)
		q->h.arg = 1;
	for (; n < max && (r = next_from(q->h.arg)) != NULL; q->h.arg = r->seq + 1)
		out[n++] = *r;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}
