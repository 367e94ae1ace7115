/* SPDX-License-Identifier: MIT */
/*
 * Make a picture of round trips by size: reads the lines of ipc.*.size.* from
 * standard input, writes SVG to standard output. Both axes are logarithmic.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 760, HEIGHT = 460, LEFT = 80, RIGHT = 190, TOP = 50, BOTTOM = 60, POINTS = 32 };

struct series {
	const char *bench; /* what its lines are called, up to the size */
	const char *label, *color;
	int peer; /* the peer of those */
	unsigned n;
	double size[POINTS], ns[POINTS];
};

static struct series all[] = {
	{ "ipc.user.size.", "Writ, ring", "#1b6ca8", 0, 0, { 0 }, { 0 } },
	{ "ipc.kernel.size.", "Writ, through the kernel", "#c25b12", 0, 0, { 0 }, { 0 } },
	{ "ipc.user.size.", "unix stream socket", "#5a5a5a", 1, 0, { 0 }, { 0 } },
	{ "ipc.kernel.size.", "nng req/rep over ipc", "#8a3d8f", 1, 0, { 0 }, { 0 } },
};

enum { SERIES = sizeof(all) / sizeof(all[0]) };

struct range {
	double low, high;
};

static void add(const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "bench"));

	for (unsigned i = 0; name != NULL && i < SERIES; i++) {
		struct series *s = &all[i];
		const json_t *side = s->peer ? json_object_get(line, "peer") : line;
		double ns = json_number_value(json_object_get(side, "p50"));
		size_t n = strlen(s->bench);

		if (strncmp(name, s->bench, n) != 0 || ns <= 0 || s->n == POINTS)
			continue;
		s->size[s->n] = strtod(name + n, NULL);
		s->ns[s->n++] = ns;
	}
}

static void widen(struct range *r, double v)
{
	if (r->low == 0 || v < r->low)
		r->low = v;
	if (v > r->high)
		r->high = v;
}

static double place(const struct range *r, double v, double from, double to)
{
	return from + (log(v) - log(r->low)) / (log(r->high) - log(r->low)) * (to - from);
}

static double x_of(const struct range *sizes, double size)
{
	return place(sizes, size, LEFT, WIDTH - RIGHT);
}

static double y_of(const struct range *times, double ns)
{
	return place(times, ns, HEIGHT - BOTTOM, TOP);
}

/* "64 B", "4 KiB", "1 MiB" */
static void print_size(double n)
{
	if (n < 1024)
		printf("%.0f B", n);
	else if (n < 1024 * 1024)
		printf("%.0f KiB", n / 1024);
	else
		printf("%.0f MiB", n / 1024 / 1024);
}

/* "100 ns", "10 µs", "1 ms" */
static void print_time(double ns)
{
	if (ns < 1e3)
		printf("%.0f ns", ns);
	else if (ns < 1e6)
		printf("%.0f µs", ns / 1e3);
	else
		printf("%.0f ms", ns / 1e6);
}

static void draw_axes(const struct range *sizes, const struct range *times)
{
	int decades = (int)lround(log10(times->high / times->low));

	for (int i = 0; i <= decades; i++) {
		double ns = times->low * pow(10, i), y = y_of(times, ns);

		printf("<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n<text class=\"end\" x=\"%d\" "
		       "y=\"%.1f\">",
		    LEFT, y, WIDTH - RIGHT, LEFT - 8, y + 4);
		print_time(ns);
		printf("</text>\n");
	}
	for (unsigned i = 0; i < all[0].n; i++) {
		double x = x_of(sizes, all[0].size[i]);

		printf("<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n<text class=\"mid\" x=\"%.1f\" "
		       "y=\"%d\">",
		    x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 18);
		print_size(all[0].size[i]);
		printf("</text>\n");
	}
	printf("<text class=\"mid\" x=\"%d\" y=\"%d\">bytes in each direction</text>\n",
	    (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14);
}

static void draw_series(const struct series *s, const struct range *sizes,
    const struct range *times, double *label_y)
{
	double y = 0;

	printf("<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"", s->color);
	for (unsigned i = 0; i < s->n; i++)
		printf("%c%.1f %.1f", i == 0 ? 'M' : 'L', x_of(sizes, s->size[i]),
		    y_of(times, s->ns[i]));
	printf("\"/>\n");
	for (unsigned i = 0; i < s->n; i++) {
		y = y_of(times, s->ns[i]);
		printf("<circle fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", s->color,
		    x_of(sizes, s->size[i]), y);
	}
	*label_y = y;
}

static int by_label_y(const void *a, const void *b)
{
	double x = ((const double *)a)[0], y = ((const double *)b)[0];

	return (x > y) - (x < y);
}

/* At the ends of the lines, from top to bottom, none over another. */
static void draw_labels(double (*at)[2])
{
	double free_from = 0;

	qsort(at, SERIES, sizeof(*at), by_label_y);
	for (unsigned i = 0; i < SERIES; i++) {
		const struct series *s = &all[(unsigned)at[i][1]];
		double y = at[i][0] > free_from ? at[i][0] : free_from;

		if (s->n > 0)
			printf("<text fill=\"%s\" x=\"%d\" y=\"%.1f\">%s</text>\n", s->color,
			    WIDTH - RIGHT + 12, y + 4, s->label);
		free_from = y + 16;
	}
}

static void draw(void)
{
	struct range sizes = { 0 }, times = { 0 };
	double at[SERIES][2];

	for (unsigned i = 0; i < SERIES; i++)
		for (unsigned k = 0; k < all[i].n; k++) {
			widen(&sizes, all[i].size[k]);
			widen(&times, all[i].ns[k]);
		}
	times.low = pow(10, floor(log10(times.low)));
	times.high = pow(10, ceil(log10(times.high)));
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n"
	       "<!-- made by tools/bench, docs/performance.md -->\n"
	       "<style>text{font:12px sans-serif}.mid{text-anchor:middle}.end{text-anchor:end}"
	       ".grid{stroke:#ddd;fill:none}.title{font-weight:bold}</style>\n"
	       "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
	       "<text class=\"title\" x=\"%d\" y=\"24\">Round trip by size and transport "
	       "(p50, two CPUs)</text>\n",
	    WIDTH, HEIGHT, LEFT);
	draw_axes(&sizes, &times);
	for (unsigned i = 0; i < SERIES; i++) {
		at[i][1] = i;
		draw_series(&all[i], &sizes, &times, &at[i][0]);
	}
	draw_labels(at);
	printf("</svg>\n");
}

int main(void)
{
	json_t *line;

	while ((line = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
		add(line);
		json_decref(line);
	}
	if (all[0].n < 2) {
		fprintf(stderr, "bench-plot: no lines of %s*\n", all[0].bench);
		return 1;
	}
	draw();
	return fflush(stdout) == 0 ? 0 : 1;
}
