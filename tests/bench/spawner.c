/* SPDX-License-Identifier: MIT */
/*
 * The proc behind the spawn benchmarks: told by a file in /ctl to make so many
 * null procs, with so many alive at once, it answers with the nanoseconds.
 *
 * /ctl/order: "NUMBER KIND IMAGE COUNT ALIVE\n" (KIND: each one alone, or all together)
 * /ctl/answer-NUMBER: a line per measured value
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <writ/writ.h>

enum { ALIVE_MAX = 64, COUNT_MAX = 4096 };

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int finish(uint32_t proc)
{
	struct writ_exit e;
	int r = writ_wait_exit(proc, &e);

	writ_slot_free(proc);
	return r < 0 || e.state != WRIT_STATE_EXITED || e.code != 0 ? -1 : 0;
}

static int64_t spawn(const char *image)
{
	return writ_spawn(&(struct writ_spawn){ .image = image, .memory = 1 << 20 });
}

static int each(FILE *out, const char *image, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int64_t t = now(), proc = spawn(image);

		if (proc < 0 || finish((uint32_t)proc) < 0)
			return -1;
		fprintf(out, "%lld\n", (long long)(now() - t));
	}
	return 0;
}

static int together(FILE *out, const char *image, unsigned count, unsigned alive)
{
	uint32_t procs[ALIVE_MAX];
	int64_t t = now();

	for (unsigned i = 0; i < count + alive; i++) {
		if (i >= alive && finish(procs[i % alive]) < 0)
			return -1;
		if (i < count) {
			int64_t proc = spawn(image);

			if (proc < 0)
				return -1;
			procs[i % alive] = (uint32_t)proc;
		}
	}
	fprintf(out, "%lld\n", (long long)(now() - t));
	return 0;
}

static int obey(const char *order, unsigned *last)
{
	unsigned number, count, alive;
	char kind[16], image[16], path[64], *text;
	size_t len;
	FILE *out;
	int r;

	if (sscanf(order, "%u %15s %15s %u %u", &number, kind, image, &count, &alive) != 5 ||
	    number == *last)
		return 0;
	*last = number;
	if (count > COUNT_MAX || alive == 0 || alive > ALIVE_MAX ||
	    (out = open_memstream(&text, &len)) == NULL)
		return -1;
	r = strcmp(kind, "each") == 0 ? each(out, image, count)
				      : together(out, image, count, alive);
	fclose(out);
	snprintf(path, sizeof(path), "/ctl/answer-%u", number);
	if (r == 0)
		r = (int)writ_put(path, text, len);
	free(text);
	return r < 0 ? -1 : 0;
}

int writ_main(int argc, char **argv)
{
	unsigned last = 0;

	(void)argc;
	(void)argv;
	for (;;) {
		char *order;

		if (writ_get("/ctl/order", &order) >= 0) {
			if (obey(order, &last) < 0)
				return 1;
			free(order);
		}
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	}
}
