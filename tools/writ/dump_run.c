/* SPDX-License-Identifier: MIT */
/*
 * Dumps as files: writ caps --dump writes one, writ up --dump reads one; with
 * them go the images, each in a file that is named by its SHA-256.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <writ/rights.h>

#include "tools/writ/dump.h"

#define TRIES    20
#define FILE_MAX (64u << 20) /* bytes of a dump */

/* --- from a node ------------------------------------------------------------------------ */

static int ask(struct cli *c, struct client *cl, unsigned op, struct pages *p)
{
	Writ__Op__Req req = WRIT__OP__REQ__INIT;

	req.op = (Writ__Op__Op)op;
	return client_pages(c, cl, &req, p);
}

/* The text of what is there now, and the dump. */
static int look(struct cli *c, struct client *cl, struct dump *d, struct dump_left *left,
    char **ret_text)
{
	struct pages objs = { 0 }, caps = { 0 };
	size_t size = 0;
	FILE *out = NULL;
	int rc;

	*ret_text = NULL;
	*d = (struct dump){ 0 };
	rc = ask(c, cl, WRIT__OP__OP__OP_OBJECTS, &objs);
	if (rc == 0)
		rc = ask(c, cl, WRIT__OP__OP__OP_CAPS, &caps);
	if (rc == 0 &&
	    (!dump_make(&objs, &caps, d, left) || (out = open_memstream(ret_text, &size)) == NULL ||
		dump_print(d, out) != 0))
		rc = cli_fail(c, EX_OSERR, "out of memory, or the node's answer makes no sense");
	if (out != NULL)
		fclose(out);
	pages_free(&objs);
	pages_free(&caps);
	return rc;
}

/* Several calls give the rows, and the node runs meanwhile: twice the same is what holds. */
static int settle(struct cli *c, struct client *cl, struct dump *d, struct dump_left *left,
    char **ret_text)
{
	char *last = NULL;
	int rc = 0;

	for (int i = 0; i < TRIES && rc == 0; i++) {
		rc = look(c, cl, d, left, ret_text);
		if (rc == 0 && last != NULL && strcmp(last, *ret_text) == 0) {
			free(last);
			return 0;
		}
		free(last);
		last = *ret_text;
		dump_free(d);
	}
	free(last);
	*ret_text = NULL;
	return rc != 0 ? rc
		       : cli_fail(c, EX_TEMPFAIL,
			     "what is held changes faster than it can be read; try again");
}

/* --- images to files ------------------------------------------------------------------------ */

static void image_path(const char *dir, const struct dump_obj *o, char *buf, size_t size)
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), o->sha256, sizeof(o->sha256));
	snprintf(buf, size, "%s/%s", dir, o->hashed ? hex : o->text);
}

/* All of file @path, of just @size bytes, mapped; NULL: it isn't there, or is another. */
static void *image_map(const char *path, uint64_t size, const uint8_t *sha256)
{
	uint8_t is[crypto_hash_sha256_BYTES];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it may be a FIFO */
	void *data = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && size > 0 && (uint64_t)st.st_size == size)
		data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (data == MAP_FAILED)
		return NULL;
	crypto_hash_sha256(is, data, size);
	if (sha256 == NULL || memcmp(is, sha256, sizeof(is)) == 0)
		return data;
	munmap(data, size);
	return NULL;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* One image, from where its realm's manifest has it. */
static int image_save(struct cli *c, const struct dump_obj *o, const char *from, const char *dir)
{
	char path[CLI_PATH_MAX];
	void *data = image_map(from, o->n[0], o->sha256);
	bool done;
	int fd;

	if (data == NULL)
		return cli_fail(c, EX_NOINPUT, "image %s: %s is not there any more, or was changed",
		    o->name, from);
	image_path(dir, o, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	done = fd >= 0 && write_all(fd, data, o->n[0]);
	munmap(data, o->n[0]);
	if (fd >= 0 && close(fd) < 0)
		done = false;
	return done ? 0 : cli_fail(c, EX_CANTCREAT, "%s: %s", path, strerror(errno));
}

/* What of @realm's images the dump names. */
static int realm_save(struct cli *c, const struct dump *d, const Writ__Manifest__Realm *realm,
    const char *dir, bool *saved)
{
	int rc = 0;

	for (size_t i = 0; i < realm->n_images && rc == 0; i++) {
		const Writ__Manifest__Image *m = realm->images[i];

		for (uint32_t k = 0; k < d->nobjs && rc == 0; k++) {
			const struct dump_obj *o = &d->objs[k];

			if (saved[k] || !o->hashed || m->sha256.len != sizeof(o->sha256) ||
			    memcmp(m->sha256.data, o->sha256, sizeof(o->sha256)) != 0)
				continue;
			rc = image_save(c, o, m->path, dir);
			saved[k] = true;
		}
	}
	return rc;
}

static int images_save(struct cli *c, struct client *cl, const struct dump *d, const char *dir)
{
	bool *saved = calloc(d->nobjs + 1u, sizeof(*saved));
	Writ__Op__Req req = WRIT__OP__REQ__INIT;
	Writ__Op__Rep *realms = NULL, *rep;
	int rc = saved != NULL ? 0 : cli_fail(c, EX_OSERR, "out of memory");

	if (rc == 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
		rc = cli_fail(c, EX_CANTCREAT, "%s: %s", dir, strerror(errno));
	req.op = WRIT__OP__OP__OP_REALMS;
	if (rc == 0)
		rc = client_call(c, cl, &req, &realms);
	for (size_t i = 0; rc == 0 && i < realms->n_realms; i++) {
		if (realms->realms[i]->system)
			continue;
		req.op = WRIT__OP__OP__OP_MANIFEST;
		req.name = realms->realms[i]->name;
		rc = client_call(c, cl, &req, &rep);
		if (rc != 0)
			break;
		if (rep->realm != NULL)
			rc = realm_save(c, d, rep->realm, dir, saved);
		client_free(rep);
	}
	for (uint32_t k = 0; rc == 0 && k < d->nobjs; k++)
		if (dump_uploaded(&d->objs[k]) && !saved[k])
			fprintf(stderr, "writ: %s: no realm that runs names its file\n",
			    d->objs[k].name);
	if (realms != NULL)
		client_free(realms);
	free(saved);
	return rc;
}

int dump_run(struct cli *c, struct client *cl)
{
	const char *dir = c->opt['I'];
	struct dump_left left;
	char *text;
	struct dump d;
	int rc;

	if (sodium_init() < 0)
		return cli_fail(c, EX_SOFTWARE, "libsodium does not start");
	rc = settle(c, cl, &d, &left, &text);
	if (rc == 0 && dir != NULL)
		rc = images_save(c, cl, &d, dir);
	if (rc == 0) {
		fputs(text, stdout);
		fprintf(stderr,
		    "writ: left out: %u sessions, messages, waits and mappings, "
		    "%u of ended procs\n",
		    left.live, left.ended);
	}
	dump_free(&d);
	free(text);
	return rc;
}

/* --- to a node -------------------------------------------------------------------------------- */

int dump_read(struct cli *c, const char *file, struct dump *ret)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char why[DUMP_WHY_MAX];
	void *data = MAP_FAILED;
	struct stat st;
	int rc = 0;

	*ret = (struct dump){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = cli_fail(c, EX_NOINPUT, "%s: %s", file, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > FILE_MAX) {
		rc = cli_fail(c, EX_DATAERR, "%s: no file, or empty, or larger than %u MiB", file,
		    FILE_MAX >> 20);
	} else {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED)
			rc = cli_fail(c, EX_OSERR, "%s: %s", file, strerror(errno));
		else if (dump_parse(ret, data, (size_t)st.st_size, why) != 0)
			rc = cli_fail(c, EX_DATAERR, "%s:%s", file, why);
	}
	if (data != MAP_FAILED)
		munmap(data, (size_t)st.st_size);
	if (fd >= 0)
		close(fd);
	return rc;
}

int dump_images(struct cli *c, const struct dump *d, const char *dir, int *ret_fd)
{
	int fd = memfd_create("writ-images", MFD_CLOEXEC), rc = 0;
	char path[CLI_PATH_MAX];

	if (fd < 0 || !write_all(fd, DUMP_IMAGES_HEAD, sizeof(DUMP_IMAGES_HEAD)))
		rc = cli_fail(c, EX_OSERR, "memfd: %s", strerror(errno));
	for (uint32_t i = 0; i < d->nobjs && rc == 0; i++) {
		const struct dump_obj *o = &d->objs[i];
		void *data;

		if (!dump_uploaded(o))
			continue;
		if (dir == NULL) {
			rc = cli_fail(c, EX_USAGE,
			    "line %u: %s has to come from a file: --images DIR", o->line, o->name);
			break;
		}
		image_path(dir, o, path, sizeof(path));
		data = image_map(path, o->n[0], o->hashed ? o->sha256 : NULL);
		if (data == NULL)
			rc = cli_fail(c, EX_NOINPUT,
			    "line %u: %s: %s is not there, or is no such image", o->line, o->name,
			    path);
		else if (!write_all(fd, data, o->n[0]))
			rc = cli_fail(c, EX_OSERR, "memfd: %s", strerror(errno));
		if (data != NULL)
			munmap(data, o->n[0]);
	}
	if (rc != 0 && fd >= 0)
		close(fd);
	*ret_fd = fd;
	return rc;
}
