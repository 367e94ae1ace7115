/* SPDX-License-Identifier: MIT */
/* The procs of the kernel's test: each mode does one good or one bad thing. */
#include "gate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <writ/chan.h>

static int garbage(void)
{
	char buf[WRIT_MSG_MAX + 512];
	uint32_t seed = writ_self()->pid * 2654435761u;

	for (unsigned i = 0; i < 20000; i++) {
		size_t n;

		for (size_t j = 0; j < 64; j++)
			buf[j] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
		n = i % 3 != 0 ? seed % 96 : seed % sizeof(buf);
		if (i % 2 == 0) { /* a well-formed header with nonsense behind it */
			struct writ_hdr h = { .op = (uint16_t)(seed % (WRIT_OP_N + 2)),
				.version = WRIT_ABI_VERSION,
				.cap = seed % 8,
				.cookie = i,
				.arg = seed };

			n = n < sizeof(h) ? sizeof(h) : n;
			n = n > WRIT_MSG_MAX ? WRIT_MSG_MAX : n;
			h.len = (uint16_t)(n - sizeof(h));
			if (h.op == WRIT_OP_EXITED || h.op == WRIT_OP_STARTED ||
			    h.op == WRIT_OP_WAIT)
				h.op = WRIT_OP_COPY;
			memcpy(buf, &h, sizeof(h));
		}
		if (send(WRIT_GATE_FD, buf, n != 0 ? n : 1, MSG_NOSIGNAL) < 0)
			return 1;
		while (recv(WRIT_GATE_FD, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	return 0;
}

static int flood(void)
{
	struct writ_hdr h = { .op = WRIT_OP_INSPECT,
		.version = WRIT_ABI_VERSION,
		.len = sizeof(struct writ_cap_req) };
	struct {
		struct writ_hdr h;
		struct writ_cap_req r;
	} m = { .h = h };

	for (;;)
		if (send(WRIT_GATE_FD, &m, sizeof(m), MSG_NOSIGNAL) < 0)
			return 1;
}

/* Its capabilities have no names: the library must know that these slots are not empty. */
static void slots_given(void)
{
	for (unsigned i = 0; i < 8; i++)
		writ_slot_new();
}

/* Takes one session and answers with what it was sent; ends with it. */
static int serve(void)
{
	static char buf[4096];
	const struct writ_chan_peer *p;
	struct writ_msg m = { .data = buf };
	struct writ_chan_msg got;
	struct writ_mbox *b;
	struct writ_chan *c;
	int64_t n;

	slots_given();
	if (writ_mbox_new(1, &b) != 0 || writ_started() != 0)
		return 1;
	while ((n = writ_mbox_recv(b, &c, buf, sizeof(buf), &got, 0, -1)) >= 0) {
		p = writ_chan_peer(c);
		if (strcmp(p->prefix, "/a/b") != 0 || p->rights != WRIT_R_READ || p->badge != 7)
			return 2;
		if (got.event == WRIT_CHAN_CLOSED)
			return 42;
		m.len = (size_t)n;
		if (got.event == WRIT_CHAN_MSG &&
		    writ_chan_reply(c, got.id, got.label, &m, 1000000000) < 0)
			return 3;
	}
	return 4;
}

/* Has itself answered over both transports. */
static int client(bool stay)
{
	const struct writ_msg hello = { .data = "hello", .len = 5 };
	char rep[64];
	struct writ_chan *c;
	int64_t n;

	slots_given();
	if (writ_chan_open(1, NULL, &c) != 0)
		return 1;
	for (unsigned i = 0; i < 2; i++) {
		n = writ_chan_call(c, 5, &hello, rep, sizeof(rep), NULL, -1);
		if (n != 5 || memcmp(rep, "hello", 5) != 0 ||
		    writ_chan_switch(c, WRIT_TX_USER) != 0)
			return 2;
	}
	if (!stay)
		return 0;
	writ_started();
	n = writ_chan_recv(c, rep, sizeof(rep), NULL, 0, -1); /* until it is closed */
	return n == -WRIT_E_PEER_CLOSED ? 42 : 3;
}

/* A child of a child, that must not outlive its parent. */
static int parent(void)
{
	struct writ_hdr h = { .op = WRIT_OP_SPAWN, .cap = 2, .len = sizeof(struct writ_spawn_req) };
	struct writ_spawn_req r = { .dst = { .index = 3 },
		.image = 1,
		.memory = 1 << 20,
		.name = "orphan" };
	char text[16];

	if (writ_gate_call(&h, &r, NULL, NULL, 0, NULL) != 0)
		return 1;
	snprintf(text, sizeof(text), "%u", (unsigned)h.arg);
	writ_exited(0, text, strlen(text));
}

/* Ends with a packet unread and others not yet taken: its last words are among them. */
static int last_words(void)
{
	struct {
		struct writ_hdr h;
		struct writ_cap_req r;
	} m = { .h = { .op = WRIT_OP_REVOKE, .version = WRIT_ABI_VERSION, .len = sizeof(m.r) } };

	m.r.src.index = 1;
	for (unsigned i = 0; i < 60; i++)
		if (send(WRIT_GATE_FD, &m, sizeof(m), MSG_NOSIGNAL) < 0)
			return 1;
	m.h.op = WRIT_OP_EXITED;
	m.h.len = 5;
	memcpy(&m.r, "words", 5);
	_exit(send(WRIT_GATE_FD, &m, sizeof(m.h) + 5, MSG_NOSIGNAL) < 0);
}

/* As many waits for the proc in slot 1 as one may have. */
static int waits(void)
{
	struct writ_cap_info info;
	struct writ_hdr h;

	for (unsigned i = 0; i < 64; i++) {
		h = (struct writ_hdr){ .op = WRIT_OP_WAIT, .cap = 1, .arg = WRIT_WAIT_EXIT };
		if (writ_gate_send(&h, NULL, NULL) < 0)
			return 1;
	}
	if (writ_cap_inspect(1, &info) != 0 || writ_gate_poll_reply(&h, NULL, 0) != 0)
		return 2; /* one was refused */
	writ_started();
	for (;;)
		nanosleep(&(struct timespec){ 3600, 0 }, NULL);
}

static int audit(void)
{
	static char rows[WRIT_MSG_MAX];
	struct writ_hdr h = { .op = WRIT_OP_AUDIT, .cap = 1, .arg = 1 };
	int e = writ_gate_call(&h, NULL, NULL, rows, sizeof(rows), NULL);

	return e < 0 ? -e : h.len == 0;
}

static int refused(void)
{
	for (unsigned i = 0; i < 600; i++)
		if (call(i % 2 != 0 ? WRIT_OP_QUOTA : WRIT_OP_LISTEN, 60, 0, NULL, 0) !=
		    -WRIT_E_FAILED_LOOKUP)
			return 1;
	return 0;
}

int child_main(const char *mode)
{
	if (strcmp(mode, "words") == 0)
		return last_words();
	if (strcmp(mode, "waits") == 0)
		return waits();

	if (strcmp(mode, "null") == 0)
		return 0;
	if (strcmp(mode, "seven") == 0)
		writ_exited(7, "seven it is", 11);
	if (strcmp(mode, "crash") == 0)
		__builtin_trap();
	if (strcmp(mode, "sleep") == 0) {
		writ_started();
		for (;;)
			pause(); /* not in the table: refused, so it would spin */
	}
	if (strcmp(mode, "nap") == 0) {
		writ_started();
		for (;;)
			nanosleep(&(struct timespec){ 3600, 0 }, NULL);
	}
	if (strcmp(mode, "hog") == 0) {
		char *p = malloc(256u << 20);

		if (p == NULL)
			return 9;
		memset(p, 1, 256u << 20);
		free(p);
		return 0;
	}
	if (strcmp(mode, "log") == 0) {
		static char text[65536];

		for (unsigned i = 0; i < 64; i++)
			if (write(1, text, sizeof(text)) < 0)
				return 5;
		return 0;
	}
	if (strcmp(mode, "garbage") == 0)
		return garbage();
	if (strcmp(mode, "flood") == 0)
		return flood();
	if (strcmp(mode, "serve") == 0)
		return serve();
	if (strcmp(mode, "client") == 0)
		return client(false);
	if (strcmp(mode, "stay") == 0)
		return client(true);
	if (strcmp(mode, "parent") == 0)
		return parent();
	if (strcmp(mode, "audit") == 0)
		return audit();
	if (strcmp(mode, "refused") == 0)
		return refused();
	if (strcmp(mode, "closegate") == 0) {
		close(WRIT_GATE_FD);
		for (;;)
			nanosleep(&(struct timespec){ 3600, 0 }, NULL);
	}
	return 99;
}
