/* SPDX-License-Identifier: MIT */
/* A client of a fleet, and of the folder that it looks like. */
#include "tests/system/names/names.h"
#include <time.h>
#include "libsys/name.h"
#include "libsys/name_cache.h"

#define MEMBERS 16

static struct writ_chan *kept;

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* Returns the length of what it says in @ret, a string. */
static int64_t ask(struct writ_chan *c, const char *text, char *ret, size_t size)
{
	struct writ_msg m = { .data = text, .len = strlen(text) };
	int64_t n = writ_chan_call(c, 0, &m, ret, size - 1, NULL, 10 * SECOND);

	if (n >= 0)
		ret[n] = '\0';
	return n;
}

/* A channel for one call. */
static int64_t call(const char *name, const char *text, char *ret, size_t size)
{
	struct writ_chan *c;
	int64_t r = writ_chan_open_name(name, NULL, &c);

	if (r < 0)
		return r;
	r = ask(c, text, ret, size);
	writ_chan_close(c);
	return r;
}

static void forget(void)
{
	while (name_cache_shed())
		;
}

static void step_call(void)
{
	const char *name = next_word(), *text = next_word();
	char said[512];
	int64_t r = call(name, text, said, sizeof(said));

	if (r < 0)
		report(text, r);
	else
		printf("%s\n", said);
}

/* Wait until @n members are there. */
static void step_wait(void)
{
	const char *name = next_word();
	unsigned n = (unsigned)strtoul(next_word(), NULL, 10);
	struct writ_stat st = { 0 };
	int r = -1;

	for (unsigned i = 0; i < 2400; i++) {
		r = writ_stat(name, &st);
		if ((n == 0 && r == -WRIT_E_NOT_FOUND) || (n > 0 && r == 0 && st.size == n))
			break;
		nap(25);
	}
	printf("there are %u\n", r == 0 ? (unsigned)st.size : 0);
}

static void step_keep(void)
{
	report("keep", writ_chan_open_name(next_word(), NULL, &kept));
}

static void step_say(void)
{
	const char *text = next_word();
	char said[512];
	int64_t r = ask(kept, text, said, sizeof(said));

	if (r < 0)
		report(text, r);
	else
		printf("%s\n", said);
}

static void step_close(void)
{
	writ_chan_close(kept);
	kept = NULL;
}

/* Hold as many channels to members of @name as there is room for, each by the member's own name. */
static void step_hold(void)
{
	static struct writ_chan *held[200];
	const char *name = next_word();
	unsigned members = (unsigned)strtoul(next_word(), NULL, 10), n = 0;
	char member[128];
	int r = 0;

	while (n < 200 && r == 0) {
		snprintf(member, sizeof(member), "%s/%u", name, n % members + 1);
		r = writ_chan_open_name(member, NULL, &held[n]);
		n += r == 0;
	}
	printf("hold: %s, %s\n", n >= members ? "all members" : "not all", writ_errname(r));
	while (n > 0)
		writ_chan_close(held[--n]);
}

static void step_stats(void)
{
	struct name_stats s = name_stats();

	printf("lookups %u found %u stale %u\n", (unsigned)s.lookups, (unsigned)s.found,
	    (unsigned)s.stale);
}

/* How often each of the members answers when every call looks the name up. */
static void step_spread(void)
{
	const char *name = next_word();
	unsigned n = (unsigned)strtoul(next_word(), NULL, 10), most = 0, least = n,
		 got[100] = { 0 };
	char said[512];

	for (unsigned i = 0; i < n; i++) {
		unsigned long member = 0;

		forget();
		if (call(name, "x", said, sizeof(said)) >= 0)
			member = strtoul(said + strlen("member "), NULL, 10);
		got[member < 100 ? member : 0]++;
	}
	for (unsigned i = 1; i < 100; i++) {
		most = got[i] > most ? got[i] : most;
		least = got[i] > 0 && got[i] < least ? got[i] : least;
	}
	printf("spread: least %u most %u failed %u\n", least, most, got[0]);
}

static void step_ls(void)
{
	static const char *const kinds[] = { "?", "file", "dir", "fleet", "member" };
	const char *path = next_word();
	struct writ_dirent *e;
	int n = writ_readdir(path, &e);

	if (n < 0) {
		report("ls", n);
		return;
	}
	for (int i = 0; i < n; i++)
		printf("%s/%s %s %u\n", path, e[i].name, kinds[e[i].kind < 5 ? e[i].kind : 0],
		    (unsigned)e[i].size);
	printf("%d listed\n", n);
	free(e);
}

static void step_put(void)
{
	report("put", writ_put(next_word(), "x", 1));
}

static void step_mkdir(void)
{
	report("mkdir", writ_mkdir(next_word()));
}

static void step_remove(void)
{
	report("remove", writ_remove(next_word()));
}

static void step_sleep(void)
{
	nap((unsigned)strtoul(next_word(), NULL, 10));
}

/* Call again and again, for so many ms: what was said, and how it failed. */
static void step_load(void)
{
	const char *name = next_word();
	unsigned ms = (unsigned)strtoul(next_word(), NULL, 10), good = 0, lost = 0, other = 0;
	struct timespec t;
	int64_t end, now;
	char said[512];

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * SECOND + t.tv_nsec;
	for (end = now + ms * INT64_C(1000000); now < end;) {
		int64_t r = call(name, "x", said, sizeof(said));

		good += r >= 0;
		lost += r == -WRIT_E_PEER_CLOSED;
		other += r < 0 && r != -WRIT_E_PEER_CLOSED;
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = t.tv_sec * SECOND + t.tv_nsec;
	}
	printf("load: %s, lost %u other %u\n", good > 0 ? "served" : "not served", lost, other);
}

bool client_step(const char *word)
{
	static const struct {
		const char *word;
		void (*fn)(void);
	} steps[] = { { "call", step_call }, { "wait", step_wait }, { "keep", step_keep },
		{ "say", step_say }, { "close", step_close }, { "stats", step_stats },
		{ "spread", step_spread }, { "ls", step_ls }, { "put", step_put },
		{ "mkdir", step_mkdir }, { "remove", step_remove }, { "sleep", step_sleep },
		{ "load", step_load }, { "hold", step_hold }, { "forget", forget } };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i].word, word) == 0) {
			steps[i].fn();
			fflush(stdout);
			return true;
		}
	return false;
}
