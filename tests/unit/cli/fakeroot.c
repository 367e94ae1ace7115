/* SPDX-License-Identifier: MIT */
/*
 * A root server of a test's: answers the operator's calls on the socket of the
 * node named by argv[1], well or badly as argv[2] says. Ends after 2 minutes, or when
 * it is asked to. Runs as root: the socket lies below /run/writ.
 *
 *   good     rows of a small node, hostile names among them
 *   garbage  bytes that are no message       mute     no answer at all
 *   endless  lists that never end            backward lists whose next goes back
 *   refuse   an error with every reply
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <writ/abi.h>
#include <writ/op.pb-c.h>
#include <sodium/crypto_hash_sha256.h>

#include "tools/writ/record.h"

#define ROWS_N 9

static uint64_t start_ns; /* records don't change */
static struct {
	uint64_t bytes;
	unsigned pieces, runs, polls;
} seen;

static uint64_t clock_ns(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void proc_set(Writ__Op__Proc *p, uint32_t pid, uint32_t parent, const char *realm,
    const char *name, unsigned state, int code)
{
	writ__op__proc__init(p);
	p->pid = pid;
	p->parent = parent;
	p->realm_name = (char *)realm;
	p->name = (char *)name;
	p->state = state;
	p->code = code;
	p->host_pid = state < WRIT_STATE_EXITED ? (int)getpid() : 0;
	p->start_ns = clock_ns(CLOCK_BOOTTIME) - 65000000000;
	p->end_ns = p->start_ns + 2000000000;
	p->rss_max = 1 << 20;
	p->cpu_ns = 10000000;
	p->log = pid;
}

/* A tree, an orphan, a circle of two, a proc that is its own parent, a name that bites. */
static size_t procs_fill(Writ__Op__Proc *v, Writ__Op__Proc **rows)
{
	proc_set(&v[0], 1, 0, "system", "root", WRIT_STATE_RUNNING, 0);
	proc_set(&v[1], 7, 1, "words", "coordinator",
	    seen.polls < 3 ? WRIT_STATE_RUNNING : WRIT_STATE_EXITED, 3);
	proc_set(&v[2], 8, 7, "words", "mapper", WRIT_STATE_EXITED, 0);
	proc_set(&v[3], 9, 7, "words", "\033[2Jevil\n\xff", WRIT_STATE_RUNNING, 0);
	proc_set(&v[4], 20, 99, "words", "orphan", WRIT_STATE_PENDING, 0);
	proc_set(&v[5], 31, 30, "loop", "ring-b", WRIT_STATE_RUNNING, 0);
	proc_set(&v[6], 30, 31, "loop", "ring-a", WRIT_STATE_RUNNING, 0);
	proc_set(&v[7], 40, 40, "loop", "self", WRIT_STATE_KILLED, 9);
	proc_set(&v[8], 7, 8, "words", "twice", WRIT_STATE_FAILED, 8);
	for (size_t i = 0; i < ROWS_N; i++)
		rows[i] = &v[i];
	return ROWS_N;
}

static void cap_set(Writ__Op__Cap *c, uint32_t slot, uint32_t parent, uint32_t pid, unsigned type,
    uint32_t rights, const char *name)
{
	writ__op__cap__init(c);
	c->slot = slot;
	c->parent = parent;
	c->pid = pid;
	c->type = type;
	c->rights = rights;
	c->name = (char *)name;
	c->badge = slot == 3 ? 77 : 0;
}

static size_t caps_fill(Writ__Op__Cap *v, Writ__Op__Cap **rows)
{
	cap_set(&v[0], 1, 0, 1, WRIT_TYPE_ENDPOINT, WRIT_R_READ | WRIT_R_GRANT, "named");
	cap_set(&v[1], 2, 1, 7, WRIT_TYPE_PATH, WRIT_R_READ | WRIT_R_CREATE, "/in");
	cap_set(&v[2], 3, 2, 8, WRIT_TYPE_PATH, WRIT_R_READ, "/in/a");
	cap_set(&v[3], 5, 6, 8, 200, 0xffff, "\033]0;x\007");
	cap_set(&v[4], 6, 5, 0, WRIT_TYPE_SESSION, 0, "");
	for (size_t i = 0; i < 5; i++)
		rows[i] = &v[i];
	return 5;
}

/* As the kernel chains them, all of one realm. */
static void record_chain(Writ__Op__Record *r)
{
	static uint8_t chains[8][32];
	struct writ_audit_rec k;

	r->rseq = r->seq;
	r->prev = (ProtobufCBinaryData){ 32, chains[r->seq - 1] };
	record_take(r, &k);
	crypto_hash_sha256(chains[r->seq], (void *)&k, record_hashed(&k));
	r->chain = (ProtobufCBinaryData){ 32, chains[r->seq] };
}

static void record_set(Writ__Op__Record *r, uint64_t seq, unsigned kind, unsigned op, int status,
    uint32_t missing, const char *what, const char *fix)
{
	writ__op__record__init(r);
	r->seq = seq;
	r->time_ns = start_ns;
	r->pid = 8;
	r->name = (char *)"mapper";
	r->realm_name = (char *)"words";
	r->kind = kind;
	r->op = op;
	r->status = status;
	r->missing = missing;
	r->count = (uint32_t)seq;
	r->by = kind == WRIT_AUDIT_NOTED ? 1 : 0;
	r->what = (char *)what;
	r->fix = (char *)fix;
	record_chain(r);
}

static size_t records_fill(uint64_t from, Writ__Op__Record *v, Writ__Op__Record **rows)
{
	size_t n = 0;

	record_set(&v[0], 1, WRIT_AUDIT_SPAWNED, WRIT_OP_SPAWN, 0, 0, "mapper", "");
	record_set(&v[1], 2, WRIT_AUDIT_REFUSED, WRIT_OP_CONNECT, WRIT_E_NO_RIGHT, WRIT_R_WRITE,
	    "/out", "words.yaml:12: rights: [read, write]");
	record_set(&v[2], 3, WRIT_AUDIT_NOTED, 999, WRIT_E_NO_PATH, 0, "/etc\033[31m", "");
	record_set(&v[3], 4, WRIT_AUDIT_REFUSED, WRIT_OP_WAIT, WRIT_E_INVALID_CAPABILITY, 0,
	    "slot 7 (invoked)", "");
	for (size_t i = 0; i < 4; i++) {
		if (v[i].seq >= from)
			rows[n++] = &v[i];
	}
	return n;
}

/* Pieces must come in order, each where the last one ended. */
static void image_take(const Writ__Op__Req *req, Writ__Op__Rep *rep)
{
	if (req->image == NULL || req->offset != seen.bytes || req->data.len == 0 ||
	    req->data.len > 48 * 1024) {
		rep->status = WRIT_E_BAD_REQUEST;
		rep->error = (char *)"a piece out of order";
		return;
	}
	seen.bytes += req->data.len;
	seen.pieces++;
}

struct rows {
	Writ__Op__Proc procs[ROWS_N], *pprocs[ROWS_N];
	Writ__Op__Cap caps[5], *pcaps[5];
	Writ__Op__Record records[4], *precords[4];
	Writ__Op__RealmInfo realm, *prealm;
};

static void answer(const Writ__Op__Req *req, Writ__Op__Rep *rep, struct rows *r)
{
	switch (req->op) {
	case WRIT__OP__OP__OP_PROCS:
		rep->n_procs = procs_fill(r->procs, r->pprocs);
		rep->procs = r->pprocs;
		seen.polls += seen.runs;
		break;
	case WRIT__OP__OP__OP_CAPS:
		rep->n_caps = caps_fill(r->caps, r->pcaps);
		rep->caps = r->pcaps;
		break;
	case WRIT__OP__OP__OP_AUDIT:
		rep->n_records = records_fill(req->offset, r->records, r->precords);
		rep->records = r->precords;
		break;
	case WRIT__OP__OP__OP_REALMS:
		writ__op__realm_info__init(&r->realm);
		r->realm.name = (char *)"words";
		r->prealm = &r->realm;
		rep->n_realms = 1;
		rep->realms = &r->prealm;
		break;
	case WRIT__OP__OP__OP_HAVE:
		rep->status = WRIT_E_NOT_FOUND;
		seen.bytes = 0;
		break;
	case WRIT__OP__OP__OP_IMAGE: image_take(req, rep); break;
	case WRIT__OP__OP__OP_RUN:
		seen.runs++;
		proc_set(&r->procs[0], 7, 1, "words", "coordinator", WRIT_STATE_PENDING, 0);
		r->pprocs[0] = &r->procs[0];
		rep->n_procs = 1;
		rep->procs = r->pprocs;
		fprintf(stderr, "run %s: %u pieces\n", req->realm->name, seen.pieces);
		break;
	case WRIT__OP__OP__OP_STOP: fprintf(stderr, "stop %s\n", req->name); break;
	case WRIT__OP__OP__OP_KILL:
		if (req->pid != 7)
			rep->status = WRIT_E_NOT_FOUND;
		break;
	case WRIT__OP__OP__OP_GUARD:
		rep->guard = (char *)"audit";
		rep->layers = 1u << WRIT_LAYER_SECCOMP;
		break;
	case WRIT__OP__OP__OP_PING:
	case WRIT__OP__OP__OP_DOWN:
	case WRIT__OP__OP__OP_MANIFEST:
	case WRIT__OP__OP__OP_OBJECTS:
	case WRIT__OP__OP__OP_UNSPECIFIED:
	case _WRIT__OP__OP_IS_INT_SIZE:
	default: break;
	}
}

static int serve(nng_socket s, const char *how)
{
	static uint8_t out[65536];
	struct rows rows;
	Writ__Op__Rep rep = WRIT__OP__REP__INIT;
	Writ__Op__Req *req;
	size_t n;
	void *buf;

	if (nng_recv(s, &buf, &n, NNG_FLAG_ALLOC) != 0)
		return -1;
	req = writ__op__req__unpack(NULL, n, buf);
	nng_free(buf, n);
	if (req == NULL)
		return -1;
	if (strcmp(how, "mute") == 0) {
		writ__op__req__free_unpacked(req, NULL);
		return 0;
	}
	if (strcmp(how, "refuse") == 0) {
		rep.status = WRIT_E_NO_RIGHT;
		rep.error = (char *)"not for \033[1myou";
	} else {
		answer(req, &rep, &rows);
	}
	if (strcmp(how, "endless") == 0)
		rep.next = req->offset + 1;
	if (strcmp(how, "backward") == 0)
		rep.next = 1;
	n = writ__op__rep__pack(&rep, out);
	if (strcmp(how, "garbage") == 0)
		memset(out, 0xff, n = 100);
	writ__op__req__free_unpacked(req, NULL);
	return nng_send(s, out, n, 0);
}

int main(int argc, char **argv)
{
	nng_socket s;
	char url[128];

	start_ns = clock_ns(CLOCK_REALTIME);
	if (argc != 3)
		return 64;
	alarm(120);
	snprintf(url, sizeof(url), "ipc:///run/writ/%s/op/op.sock", argv[1]);
	if (nng_rep0_open(&s) != 0 || nng_listen(s, url, NULL, 0) != 0)
		return 69;
	puts("ready");
	fflush(stdout);
	while (serve(s, argv[2]) == 0)
		;
	return 0;
}
