/* SPDX-License-Identifier: MIT */
/*
 * The audit ring: refusals and changes of authority, numbered. Only who holds
 * the Audit capability reads it. The same refusal of the same proc again and
 * again is one record with a count, so nobody can flush the ring by repeating.
 */
#include "kernel.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct writ_audit_rec *rec_at(uint64_t seq)
{
	return &k.audits[seq % K_AUDITS];
}

static bool same_refusal(const struct writ_audit_rec *r, uint64_t seq,
    const struct writ_audit_rec *n)
{
	return r->seq == seq && r->pid == n->pid && r->kind == n->kind && r->op == n->op &&
	    r->missing == n->missing && r->by == n->by && strcmp(r->what, n->what) == 0;
}

static void append(struct writ_audit_rec *n)
{
	n->seq = k.audit_seq++;
	*rec_at(n->seq) = *n;
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
	if (p->last_audit != 0 && same_refusal(rec_at(p->last_audit), p->last_audit, n)) {
		rec_at(p->last_audit)->count++;
		return;
	}
	append(n);
	p->last_audit = n->seq;
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

int k_call_audit(struct k_req *q)
{
	uint64_t seq = q->h.arg;
	uint64_t oldest = k.audit_seq > K_AUDITS ? k.audit_seq - K_AUDITS : 1;
	struct writ_audit_rec *out = (void *)q->out;
	size_t n = 0, max = sizeof(q->out) / sizeof(*out);

	for (seq = seq < oldest ? oldest : seq; seq < k.audit_seq && n < max; seq++)
		out[n++] = *rec_at(seq);
	q->h.arg = seq;
	q->out_len = (uint16_t)(n * sizeof(*out));
	return 0;
}
