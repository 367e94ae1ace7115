/* SPDX-License-Identifier: MIT */
/* What all kids share. */
#include "kids.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "libsys/sys.h"

_Noreturn void kid_fail(const char *file, int line, const char *what, int64_t got)
{
	const char *name = strrchr(file, '/');
	char s[256];
	int n = snprintf(s, sizeof(s), "%s:%d: %s (%lld), %u slots left",
	    name != NULL ? name + 1 : file, line, what, (long long)got, sys_slots_left());

	writ_exited(1, s, n < (int)sizeof(s) ? (size_t)n : sizeof(s) - 1);
}

_Noreturn void kid_says(const char *fmt, ...)
{
	char s[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	writ_exited(0, s, (size_t)n);
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct writ_msg bytes(const void *p, size_t len)
{
	return (struct writ_msg){ .data = p, .len = len };
}

struct writ_msg text(const char *s)
{
	return bytes(s, strlen(s));
}

struct writ_chan *open_way(writ_cap_t way, enum writ_transport t)
{
	const struct writ_chan_attr attr = { .transport = t };
	struct writ_chan *c = NULL;

	GIVES(writ_chan_open(way, &attr, &c), 0);
	return c;
}

int64_t ask(struct writ_chan *c, uint32_t label, const struct writ_msg *m, void *rep, size_t size,
    struct writ_chan_msg *ret)
{
	int64_t n = writ_chan_call(c, label, m, rep, size, ret, WAIT);

	if (n < 0)
		kid_fail(__FILE__, __LINE__, "a call is answered", n);
	return n;
}

uint32_t ask_begin(struct writ_chan *c, uint32_t label, const struct writ_msg *m)
{
	int64_t id = writ_chan_call_begin(c, label, m, WAIT);

	if (id <= 0)
		kid_fail(__FILE__, __LINE__, "a call is sent", id);
	return (uint32_t)id;
}

unsigned slots_used(void)
{
	struct writ_cap_info info;
	unsigned n = 0;

	for (writ_cap_t s = K_N; s < 1024; s++)
		n += writ_cap_inspect(s, &info) == 0 && info.type != WRIT_TYPE_NULL;
	return n;
}

writ_cap_t badged(uint64_t badge)
{
	writ_cap_t s = writ_slot_new();

	NEED(s != 0);
	GIVES(writ_cap_mint(K_NTFN, s, WRIT_R_READ | WRIT_R_WRITE, badge), 0);
	return s;
}

uint64_t badge_of(writ_cap_t cap)
{
	struct writ_cap_info info;

	return writ_cap_inspect(cap, &info) == 0 && info.type == WRIT_TYPE_NOTIFICATION
	    ? info.badge
	    : UINT64_MAX;
}

int play_quit(int argc, char **argv)
{
	struct writ_chan *c = open_way(K_WAY, WRIT_TX_KERNEL);
	struct writ_chan_msg got;
	struct writ_msg none = { 0 };

	(void)argc;
	(void)argv;
	GIVES(writ_chan_send(c, C_QUIT, &none, WAIT), 0);
	GIVES(writ_chan_recv(c, NULL, 0, &got, 0, WAIT), -WRIT_E_PEER_CLOSED);
	writ_chan_close(c);
	return 0;
}
