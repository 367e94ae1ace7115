/* SPDX-License-Identifier: MIT */
/*
 * guard-demand: what is attached on demand never goes from under a realm that was told
 * it is there. A realm comes at each moment of a settling that is about to detach, as
 * its looks at the map of realms end (linked with --wrap=bpf_map_get_next_key): it notes
 * what it requires and takes the word, and then it must be held. Needs root, and pins
 * in a bpffs of its own.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "rules.h"
#include "tools/boot/switch.h"

#define NODE "demand"
#define LINK GUARD_PINS "/nodes/" NODE "/links/guard_enter"

enum { CALLS = 1u << WRIT_LAYER_EBPF_CALLS };

static int realms; /* the map */
static int looks;  /* that have ended, of this settling */
static int comes;  /* after which of them the realm does; 0: it doesn't */
static bool is_told;

static void note(void)
{
	struct guard_realm r = { .requires.bits = CALLS, .name = NODE };

	if (bpf_map_update_elem(realms, &(uint32_t){ 1 }, &r, BPF_ANY) < 0)
		err(EXIT_FAILURE, "realms");
}

static void gone(void)
{
	bpf_map_delete_elem(realms, &(uint32_t){ 1 });
}

static bool told(void)
{
	struct guard_config c;

	if (guard_config_read(NODE, &c) < 0)
		errx(EXIT_FAILURE, "no map of settings");
	return (c.layers.bits & CALLS) != 0;
}

static bool attached(void)
{
	return access(LINK, F_OK) == 0;
}

int __real_bpf_map_get_next_key(int fd, const void *key, void *next);
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next);

int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next)
{
	int r = __real_bpf_map_get_next_key(fd, key, next);

	if (r < 0 && ++looks == comes) {
		note();
		is_told = told();
	}
	return r;
}

/* A realm comes after the look @n. How many looks there were; -1: it failed. */
static int settle(int n)
{
	const char *doing;

	looks = 0;
	comes = n;
	is_told = false;
	return guard_settle(NODE, &doing) < 0 ? -1 : looks;
}

/* One was there, and has just gone. */
static void before(void)
{
	note();
	settle(0);
	gone();
	if (!told() || !attached())
		errx(EXIT_FAILURE, "it is not attached for who requires it");
}

static void pin(void)
{
	struct guard_config c = { .generation = 1 };
	uint32_t zero = 0;
	struct guard g;
	int r;

	guard_load(&g, CALLS | 1u << WRIT_LAYER_TELEMETRY, -1, GUARD_ENFORCE);
	if ((g.layers & CALLS) == 0)
		errx(EXIT_FAILURE, "%s", g.why[WRIT_LAYER_EBPF_CALLS]);
	guard_detach(&g);
	guard_config_fill(&c, GUARD_ON_DEMAND, g.layers, false);
	update(&g, "config", &zero, &c);
	if ((r = guard_pin(&g, NODE, 0)) < 0)
		errx(EXIT_FAILURE, "pins: %d", r);
	guard_close(&g);
	realms = guard_pin_open(NODE, "maps", "realms");
}

int main(void)
{
	bool early;

	setbuf(stdout, NULL);
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return EXIT_SUCCESS;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") < 0)
		err(EXIT_FAILURE, "a bpffs");
	pin();
	check("nobody requires it: it is not attached", settle(0) > 0 && !attached() && !told());
	note();
	check("somebody does: it is, and then said to be", settle(0) == 0 && attached() && told());
	gone();
	check("nobody does any more: two looks, and it is not",
	    settle(0) == 2 && !attached() && !told());
	before();
	check("one comes after the first look, and is told that it is there",
	    settle(1) == 1 && is_told);
	check("it is held", attached() && told());
	gone();
	before();
	check("one comes after the second look, and is told that it is not",
	    settle(2) == 2 && !is_told);
	check("so it waits, and is held by the next settling",
	    settle(0) == 0 && attached() && told());
	gone();
	before();
	early = told();
	settle(2);
	check("control: one that took the word before it noted is not held", early && !attached());
	gone();
	settle(0);
	guard_unpin(NODE);
	return check_end();
}
