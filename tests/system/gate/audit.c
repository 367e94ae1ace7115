/* SPDX-License-Identifier: MIT */
/* The audit: who may read it, what is counted up, what stays as it was. */
#include "gate.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	KEPT = 256,
	CALL = (WRIT_MSG_MAX - sizeof(struct writ_hdr)) / sizeof(struct writ_audit_rec)
};

/* All records of realm @realm (0: any) from @seq on, at most @max. */
static unsigned records(uint64_t seq, uint32_t realm, struct writ_audit_rec *v, unsigned max)
{
	static struct writ_audit_rec got[CALL];
	struct writ_hdr h;
	unsigned n = 0;

	do {
		h = (struct writ_hdr){ .op = WRIT_OP_AUDIT, .cap = WRIT_BOOT_AUDIT, .arg = seq };
		if (writ_gate_call(&h, NULL, NULL, got, sizeof(got), NULL) != 0)
			return 0;
		for (unsigned i = 0; i < h.len / sizeof(got[0]); i++)
			if (n < max && (realm == 0 || got[i].realm == realm))
				v[n++] = got[i];
		seq = h.arg;
	} while (h.len > 0);
	return n;
}

/* The newest record but for ends of procs, which are told when they come about. */
static uint64_t newest(struct writ_audit_rec *ret)
{
	static struct writ_audit_rec v[1024];
	unsigned n = records(1, 0, v, 1024);

	while (n > 0 && v[n - 1].kind == WRIT_AUDIT_ENDED)
		n--;
	*ret = n > 0 ? v[n - 1] : (struct writ_audit_rec){ 0 };
	return ret->seq;
}

/* Until nothing more is recorded of what came before. */
static void settle(void)
{
	static struct writ_audit_rec v[1024];
	unsigned long long last = 0;

	for (unsigned still = 0; still < 20; usleep(5000)) {
		unsigned n = records(1, 0, v, 1024);

		still = n > 0 && v[n - 1].seq == last ? still + 1 : 0;
		last = n > 0 ? v[n - 1].seq : 0;
	}
}

static void refuse(void)
{
	call(WRIT_OP_QUOTA, SCRATCH + 50, 0, NULL, 0);
}

static void test_sealed(void)
{
	struct writ_audit_rec first, second, v[4];

	settle();
	refuse();
	refuse();
	refuse();
	newest(&first);
	check(first.kind == WRIT_AUDIT_REFUSED && first.op == WRIT_OP_QUOTA && first.count == 3,
	    "the same refusal again and again is one record, with a count");
	refuse();
	refuse();
	newest(&second);
	check(second.seq == first.seq + 1 && second.rseq == first.rseq + 1 && second.count == 2,
	    "one that was read is not counted up: another follows");
	check(records(first.seq, 0, v, 4) == 2 && memcmp(&v[0], &first, sizeof(first)) == 0 &&
		memcmp(&v[1], &second, sizeof(second)) == 0,
	    "and neither changes any more");
	check(memcmp(second.prev, first.chain, sizeof(first.chain)) == 0 &&
		memcmp(second.chain, first.chain, sizeof(first.chain)) != 0,
	    "each holds the chain of the one before");
}

static void test_reader(void)
{
	struct give no[] = { { ACCOUNT, 1, WRIT_R_READ } },
		    empty[] = { { WRIT_BOOT_AUDIT, 1, WRIT_R_GRANT } },
		    yes[] = { { WRIT_BOOT_AUDIT, 1, WRIT_R_READ } };
	struct writ_audit_rec v[16];
	struct writ_exit e;
	uint64_t seq = newest(&v[0]);
	unsigned n, refused = 0;

	e = once("audit", NULL, 0);
	check(e.code == WRIT_E_FAILED_LOOKUP, "who holds no Audit capability reads nothing (%d)",
	    e.code);
	e = once("audit", no, 1);
	check(e.code == WRIT_E_INVALID_CAPABILITY, "nor who holds another one (%d)", e.code);
	e = once("audit", empty, 1);
	check(e.code == WRIT_E_NO_RIGHT, "nor who may not read with it (%d)", e.code);
	e = once("audit", yes, 1);
	check(e.state == WRIT_STATE_EXITED && e.code == 0, "who may, does (%d)", e.code);
	n = records(seq + 1, 0, v, 16);
	for (unsigned i = 0; i < n; i++)
		refused += v[i].kind == WRIT_AUDIT_REFUSED && v[i].op == WRIT_OP_AUDIT &&
		    strcmp(v[i].name, "audit") == 0;
	check(refused == 3, "the three refusals are on record (%u)", refused);
}

/* One realm's flood: its own oldest are overwritten, and how many is known; another's are all
 * there. */
static void test_overflow(void)
{
	static struct writ_audit_rec v[1024];
	struct writ_exit e;
	uint32_t own = writ_self()->realm, realm;
	unsigned before = records(1, own, v, 1024), n;

	newest(&v[0]);
	e = once("refused", NULL, 0);
	check(e.code == 0, "a proc is refused 600 calls");
	newest(&v[0]);
	realm = v[0].realm;
	n = records(1, realm, v, 1024);
	check(realm != own && n == KEPT && v[n - 1].rseq > 600 &&
		v[0].rseq == v[n - 1].rseq - KEPT + 1,
	    "its realm's newest %u records are kept, and %llu are known to be overwritten", n,
	    (unsigned long long)v[0].rseq - 1);
	n = records(1, own, v, 1024);
	check(n >= before && v[0].rseq == 1 && v[n - 1].rseq == n, "another's are all there (%u)",
	    n);
}

static void test_changes(void)
{
	struct writ_audit_rec last, v[32];
	uint64_t seq = newest(&last);
	unsigned kinds[WRIT_AUDIT_N] = { 0 }, n;

	check(run(SCRATCH, "nap", NULL, 0) > 0 &&
		writ_cap_copy(SCRATCH, SCRATCH + 1, WRIT_R_READ) == 0 &&
		writ_cap_copy(SCRATCH, SCRATCH + 2, WRIT_R_READ) == 0 &&
		writ_cap_revoke(SCRATCH) == 0 && writ_cap_delete(SCRATCH) == 0,
	    "a proc is made, started, its capability copied, revoked and deleted");
	for (unsigned t = 0; t < 2000 && kinds[WRIT_AUDIT_ENDED] == 0; t++) {
		memset(kinds, 0, sizeof(kinds));
		n = records(seq + 1, 0, v, 32);
		for (unsigned i = 0; i < n; i++) {
			kinds[v[i].kind]++;
			if (v[i].kind == WRIT_AUDIT_REVOKED)
				last = v[i];
		}
		usleep(1000);
	}
	check(kinds[WRIT_AUDIT_SPAWNED] == 1 && kinds[WRIT_AUDIT_STARTED] == 1 &&
		kinds[WRIT_AUDIT_DERIVED] == 2 && kinds[WRIT_AUDIT_REVOKED] == 2 &&
		kinds[WRIT_AUDIT_ENDED] >= 1,
	    "all of it is on record");
	check(strcmp(last.what, "done: 2 capabilities are gone") == 0,
	    "and how many the revoke took: %s", last.what);
}

/* A capability that is sent to oneself: asked for first, since nobody else is there to send it. */
static void test_sent(void)
{
	struct writ_msg_req take = { .take = SCRATCH + 1, .ntake = 1 },
			    give = { .caps = { ACCOUNT }, .ncaps = 1 };
	struct writ_hdr h = { .op = WRIT_OP_RECV, .cap = SCRATCH, .len = sizeof(take) };
	char rep[sizeof(struct writ_msg_rep) + WRIT_DATA_MAX];
	struct writ_audit_rec r;
	int64_t cookie;

	check(writ_retype_endpoint(WRIT_BOOT_UNTYPED, SCRATCH) == 0 &&
		(cookie = writ_gate_send(&h, &take, NULL)) > 0 &&
		call(WRIT_OP_NBSEND, SCRATCH, 0, &give, sizeof(give)) == 0 &&
		writ_gate_reply((uint32_t)cookie, &h, rep, sizeof(rep), NULL) == 0,
	    "a capability is sent and taken");
	newest(&r);
	check(r.kind == WRIT_AUDIT_GRANTED && r.op == WRIT_OP_NBSEND && r.pid == writ_self()->pid &&
		r.other == writ_self()->pid && strncmp(r.what, "untyped", 7) == 0 &&
		(r.missing & WRIT_R_READ) != 0,
	    "which is on record: %s", r.what);
	writ_cap_delete(SCRATCH);
	writ_cap_delete(SCRATCH + 1);
}

void test_audit(void)
{
	test_sealed();
	test_reader();
	test_changes();
	test_sent();
	test_overflow();
}
