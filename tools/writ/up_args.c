/* SPDX-License-Identifier: MIT */
/* The command line of writ-boot, from the node's manifest or for a dump: see up.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/writ/node.h"
#include "tools/writ/up.h"

static void argv_add(struct argv *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void argv_add(struct argv *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	if (s == NULL || a->n == UP_ARGS_MAX) {
		a->failed = true;
		free(s);
		return;
	}
	a->v[a->n++] = s;
}

void argv_free(struct argv *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
}

/* Each program once: the manifest's servers share some. */
static void argv_modules(struct argv *a, const Writ__Manifest__Node *node, const char *bin,
    const struct up_dump *u)
{
	argv_add(a, "--module");
	argv_add(a, "root=%s/%s", bin, u->path != NULL ? "loader" : "root");
	argv_add(a, "--module");
	argv_add(a, "manifest=/proc/self/fd/%d", UP_MEMFD);
	for (size_t i = 0; i < node->n_servers; i++) {
		const char *image = node->servers[i]->image;
		bool seen = strcmp(image, "root") == 0;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(image, node->servers[j]->image) == 0;
		if (seen)
			continue;
		argv_add(a, "--module");
		argv_add(a, "%s=%s/%s", image, bin, image);
	}
}

/* The node that a dump is of: its account says how large it was. */
static void argv_dump(struct argv *a, const struct up_dump *u)
{
	for (uint32_t i = 0; i < u->d.nobjs; i++) {
		const struct dump_obj *o = &u->d.objs[i];

		if (o->type != WRIT_TYPE_UNTYPED || !o->boot)
			continue;
		argv_add(a, "--procs");
		argv_add(a, "%llu", (unsigned long long)o->n[2] + 1);
		argv_add(a, "--memory");
		argv_add(a, "%llu", (unsigned long long)o->n[0]);
	}
	argv_add(a, "--module");
	argv_add(a, DUMP_MODULE "=%s", u->path);
	argv_add(a, "--module");
	argv_add(a, DUMP_IMAGES_MODULE "=/proc/self/fd/%d", UP_IMAGES);
}

static void argv_limits(struct argv *a, const Writ__Manifest__Limits *l)
{
	if (l != NULL && l->procs != 0) {
		argv_add(a, "--procs");
		argv_add(a, "%u", l->procs);
	}
	if (l != NULL && l->memory != 0) {
		argv_add(a, "--memory");
		argv_add(a, "%llu", (unsigned long long)l->memory);
	}
}

int argv_make(struct cli *c, struct argv *a, const Writ__Manifest__Node *node, const char *bin,
    const struct up_dump *u)
{
	argv_add(a, "%s", NODE_BOOT);
	argv_add(a, "--node");
	argv_add(a, "%s", c->node);
	argv_add(a, "--run");
	argv_add(a, "%s/%s", CLI_RUN_DIR, c->node);
	argv_add(a, "--log");
	argv_add(a, "%s/%s", CLI_LOG_DIR, c->node);
	argv_add(a, "--guard");
	argv_add(a, "%s", node->guard);
	argv_modules(a, node, bin, u);
	for (size_t i = 0; i < node->n_hosts; i++) {
		argv_add(a, "--host");
		argv_add(a, "%s=%s:%s", node->hosts[i]->name,
		    node->hosts[i]->rights & ~(uint32_t)WRIT_R_READ ? "rw" : "ro",
		    node->hosts[i]->path);
	}
	if (u->path != NULL)
		argv_dump(a, u);
	else
		argv_limits(a, node->limits);
	return a->failed ? cli_fail(c, EX_DATAERR, "the node has too many servers or folders") : 0;
}

int up_dump_open(struct cli *c, struct up_dump *ret)
{
	const char *file = c->opt['D'];
	int rc, fd;

	*ret = (struct up_dump){ .images = -1 };
	if (file == NULL)
		return c->opt['I'] == NULL ? 0 : cli_fail(c, EX_USAGE, "--images goes with --dump");
	rc = dump_read(c, file, &ret->d);
	if (rc == 0 && (ret->path = realpath(file, NULL)) == NULL)
		rc = cli_fail(c, EX_NOINPUT, "%s: %s", file, strerror(errno));
	if (rc == 0)
		rc = dump_images(c, &ret->d, c->opt['I'], &fd);
	if (rc != 0)
		return rc;
	ret->images = fcntl(fd, F_DUPFD_CLOEXEC, UP_IMAGES + 1); /* its place may be taken now */
	close(fd);
	return ret->images >= 0 ? 0 : cli_fail(c, EX_OSERR, "descriptors: %s", strerror(errno));
}

void up_dump_close(struct up_dump *u)
{
	if (u->images >= 0)
		close(u->images);
	free(u->path);
	dump_free(&u->d);
}
