/* SPDX-License-Identifier: MIT */
/*
 * Images that operators upload: collected in a memfd, hashed as they come,
 * sealed, made a capability, kept by hash. Bounded in number and bytes; those
 * that no realm runs make room for new ones, the longest unused first.
 */
#include "servers/root/root.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HASH_BYTES   crypto_hash_sha256_BYTES
#define SIZE_MAX_ONE (UINT64_C(256) << 20)
#define SIZE_MAX_ALL (UINT64_C(1) << 30)
#define UPLOADS_MAX  8
#define UPLOAD_IDLE  60000 /* ms */
#define SEALS        (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct image {
	uint8_t hash[HASH_BYTES];
	uint64_t size, used_at;
	writ_cap_t cap; /* 0: this entry is free */
	uint32_t obj;
	unsigned refs;
};

/* fd -1 and size 0: this entry is free. */
struct upload {
	uint8_t hash[HASH_BYTES];
	char name[WRIT_NAME_MAX];
	uint64_t size, got, last_ms;
	int fd;
	crypto_hash_sha256_state state;
};

static struct image images[ROOT_IMAGES_MAX];
static struct upload uploads[UPLOADS_MAX];
static uint64_t clock_of_use;

__attribute__((format(printf, 3, 4))) static int fail(char why[ROOT_SENTENCE], int err,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, ROOT_SENTENCE, fmt, ap);
	va_end(ap);
	return -err;
}

/* --- images ------------------------------------------------------------------------- */

struct image *image_find(const uint8_t sha256[32], uint64_t size)
{
	for (unsigned i = 0; i < ROOT_IMAGES_MAX; i++)
		if (images[i].cap != 0 && images[i].size == size &&
		    memcmp(images[i].hash, sha256, HASH_BYTES) == 0)
			return &images[i];
	return NULL;
}

writ_cap_t image_get(struct image *i)
{
	i->refs++;
	i->used_at = ++clock_of_use;
	return i->cap;
}

const uint8_t *image_hash(uint32_t obj)
{
	for (unsigned i = 0; i < ROOT_IMAGES_MAX; i++)
		if (images[i].cap != 0 && images[i].obj == obj)
			return images[i].hash;
	return NULL;
}

void image_put(struct image *i)
{
	if (i != NULL)
		i->refs--;
}

static uint64_t bytes_kept(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ROOT_IMAGES_MAX; i++)
		n += images[i].size;
	for (unsigned i = 0; i < UPLOADS_MAX; i++)
		n += uploads[i].size;
	return n;
}

static struct image *oldest_unused(void)
{
	struct image *best = NULL;

	for (unsigned i = 0; i < ROOT_IMAGES_MAX; i++)
		if (images[i].cap != 0 && images[i].refs == 0 &&
		    (best == NULL || images[i].used_at < best->used_at))
			best = &images[i];
	return best;
}

static void image_drop(struct image *i)
{
	writ_slot_free(i->cap);
	*i = (struct image){ 0 };
}

/* Room for @size bytes more, at the cost of images that nobody runs. */
static bool make_room(uint64_t size)
{
	struct image *old;

	while (bytes_kept() + size > SIZE_MAX_ALL) {
		old = oldest_unused();
		if (old == NULL)
			return false;
		image_drop(old);
	}
	return true;
}

static struct image *image_entry(void)
{
	struct image *old;

	for (unsigned i = 0; i < ROOT_IMAGES_MAX; i++)
		if (images[i].cap == 0)
			return &images[i];
	old = oldest_unused();
	if (old != NULL)
		image_drop(old);
	return old;
}

/* --- uploads --------------------------------------------------------------------------- */

static void upload_drop(struct upload *u)
{
	if (u->size != 0)
		close(u->fd);
	*u = (struct upload){ 0 };
}

void image_expire(uint64_t now)
{
	for (unsigned i = 0; i < UPLOADS_MAX; i++)
		if (uploads[i].size != 0 && now - uploads[i].last_ms >= UPLOAD_IDLE)
			upload_drop(&uploads[i]);
}

static struct upload *upload_find(const uint8_t *hash, uint64_t size)
{
	for (unsigned i = 0; i < UPLOADS_MAX; i++)
		if (uploads[i].size == size && memcmp(uploads[i].hash, hash, HASH_BYTES) == 0)
			return &uploads[i];
	return NULL;
}

/* NULL: with a sentence in @why, and *ret_err. */
static struct upload *upload_begin(const Writ__Manifest__Image *m, int *ret_err,
    char why[ROOT_SENTENCE])
{
	struct upload *u = NULL;
	int fd;

	for (unsigned i = 0; i < UPLOADS_MAX && u == NULL; i++)
		if (uploads[i].size == 0)
			u = &uploads[i];
	if (u == NULL) {
		*ret_err = fail(why, WRIT_E_BUSY, "%d images are being uploaded already; try again",
		    UPLOADS_MAX);
		return NULL;
	}
	if (!make_room(m->size)) {
		*ret_err = fail(why, WRIT_E_NO_SPACE,
		    "image %s: the images that run take all of %llu MiB", m->name,
		    (unsigned long long)(SIZE_MAX_ALL >> 20));
		return NULL;
	}
	fd = memfd_create(m->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		*ret_err = fail(why, WRIT_E_NOT_ENOUGH_MEMORY, "image %s: %s", m->name,
		    strerror(errno));
		return NULL;
	}
	*u = (struct upload){ .size = m->size, .fd = fd };
	memcpy(u->hash, m->sha256.data, HASH_BYTES);
	memcpy(u->name, m->name, strlen(m->name));
	crypto_hash_sha256_init(&u->state);
	return u;
}

static int upload_write(struct upload *u, const uint8_t *data, size_t len, char why[ROOT_SENTENCE])
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(u->fd, data + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(why, WRIT_E_NO_SPACE,
			    "image %s: the node has no memory for it: %s", u->name,
			    strerror(n < 0 ? errno : ENOSPC));
		at += (size_t)n;
	}
	crypto_hash_sha256_update(&u->state, data, len);
	u->got += len;
	return 0;
}

/* All is here: check, seal, make the capability. */
static int upload_end(struct upload *u, char why[ROOT_SENTENCE])
{
	uint8_t hash[HASH_BYTES];
	struct writ_cap_info info;
	struct image *i;
	writ_cap_t cap;
	int r;

	crypto_hash_sha256_final(&u->state, hash);
	if (memcmp(hash, u->hash, HASH_BYTES) != 0)
		return fail(why, WRIT_E_INVALID_ARGUMENT,
		    "image %s: what was received has another hash than was said", u->name);
	if (fcntl(u->fd, F_ADD_SEALS, SEALS) < 0)
		return fail(why, WRIT_E_IO, "image %s can't be sealed: %s", u->name,
		    strerror(errno));
	i = image_entry();
	cap = i != NULL ? writ_slot_new() : 0;
	if (cap == 0)
		return fail(why, WRIT_E_NOT_ENOUGH_MEMORY, "image %s: too many images are in use",
		    u->name);
	r = writ_image_create(WRIT_BOOT_UNTYPED, cap, u->name, u->fd);
	if (r < 0 || (r = writ_cap_inspect(cap, &info)) < 0) {
		writ_slot_free(cap);
		return fail(why, -r, "image %s: the kernel refuses it: %s", u->name,
		    writ_strerror(r));
	}
	*i = (struct image){ .size = u->size,
		.used_at = ++clock_of_use,
		.cap = cap,
		.obj = info.obj };
	memcpy(i->hash, u->hash, HASH_BYTES);
	return 0;
}

static int upload_check(const Writ__Op__Req *q, char why[ROOT_SENTENCE])
{
	const Writ__Manifest__Image *m = q->image;

	if (m == NULL || m->sha256.len != HASH_BYTES || !check_name(m->name))
		return fail(why, WRIT_E_BAD_REQUEST,
		    "an upload needs an image's name, hash and size");
	if (m->size == 0 || m->size > SIZE_MAX_ONE)
		return fail(why, WRIT_E_RANGE,
		    "image %s: its size must be between 1 byte and %llu MiB", m->name,
		    (unsigned long long)(SIZE_MAX_ONE >> 20));
	if (q->data.len == 0 || q->offset > m->size || q->data.len > m->size - q->offset)
		return fail(why, WRIT_E_RANGE, "image %s: a piece lies outside of it", m->name);
	return 0;
}

int image_upload(const Writ__Op__Req *q, uint64_t now, char why[ROOT_SENTENCE])
{
	int r = upload_check(q, why);
	struct upload *u;
	uint64_t has;

	if (r < 0 || image_find(q->image->sha256.data, q->image->size) != NULL)
		return r;
	u = upload_find(q->image->sha256.data, q->image->size);
	if (u == NULL && q->offset != 0)
		return fail(why, WRIT_E_NOT_FOUND, "image %s: the upload was given up; begin anew",
		    q->image->name);
	if (u == NULL)
		u = upload_begin(q->image, &r, why);
	if (u == NULL)
		return r;
	u->last_ms = now;
	if (q->offset > u->got)
		return fail(why, WRIT_E_RANGE, "image %s: byte %llu is next, not %llu", u->name,
		    (unsigned long long)u->got, (unsigned long long)q->offset);
	has = u->got - q->offset; /* another has sent that, or who began before */
	if (has >= q->data.len)
		return 0;
	r = upload_write(u, q->data.data + has, q->data.len - has, why);
	if (r == 0 && u->got < u->size)
		return 0;
	if (r == 0)
		r = upload_end(u, why);
	upload_drop(u);
	return r;
}
