/* SPDX-License-Identifier: MIT */
/*
 * loader, a first server: makes the distribution of capabilities that a dump
 * says, holds what the first server held there, and then only answers what
 * operators may look at. It starts nothing. When the dump can't be made it ends,
 * and the node with it: nothing stays.
 */
#include <writ/writ.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <writ/boot.h>
#include "servers/loader/build.h"
#include "servers/root/op.h"

static struct {
	struct dump dump;
	struct build build;
	writ_cap_t audit;
	char why[DUMP_WHY_MAX];
} loader;

/* --- what the kernel gave ------------------------------------------------------------------ */

/* Boot module @name, mapped. NULL: it isn't there. */
static const void *module_map(const char *name, size_t *ret_len)
{
	writ_cap_t cap = writ_named_cap(WRIT_TYPE_MEMORY, name);
	int fd = cap != 0 ? writ_cap_fd(cap) : -1;
	void *data = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	*ret_len = data != MAP_FAILED ? (size_t)st.st_size : 0;
	return data != MAP_FAILED ? data : NULL;
}

static void claim(struct build *b, uint32_t slot)
{
	b->used[slot / 64] |= UINT64_C(1) << slot % 64;
}

/* Out of the way, into slots that the dump does not want: what is given comes in another order. */
static int take_boot(struct build *b)
{
	uint32_t rights;
	const char *name;
	writ_cap_t slot;
	unsigned type;
	int e = 0;

	for (uint32_t c = 1; c <= b->d->ncaps; c++)
		if (cap_at(b, c)->cnode == b->root && cap_at(b, c)->index < BUILD_SLOTS)
			claim(b, cap_at(b, c)->index);
	for (unsigned i = 0; writ_named_each(i, &type, &name, &slot, &rights); i++)
		if (slot < BUILD_SLOTS)
			claim(b, slot);
	for (unsigned i = 0; e == 0 && writ_named_each(i, &type, &name, &slot, &rights); i++) {
		struct boot_cap *k = &b->boots[b->nboots];

		if (slot == 0 || strcmp(name, WRIT_BOOT_OP) == 0)
			continue;
		if (b->nboots == BUILD_BOOTS || (k->at = build_slot(b)) == 0)
			return build_bad(b, 1, -WRIT_E_RANGE, "too many boot modules");
		k->type = type;
		k->name = name;
		e = writ_cap_move(slot, k->at);
		b->nboots++;
	}
	return e;
}

/* Procs that ran have no image in a dump. They are made with this one, which is held to no slot. */
static int take_image(struct build *b)
{
	b->image = build_slot(b);
	for (unsigned i = 0; i < b->nboots; i++)
		if (b->boots[i].type == WRIT_TYPE_IMAGE && strcmp(b->boots[i].name, "root") == 0)
			return writ_cap_copy(b->boots[i].at, b->image, WRIT_R_EXEC);
	return -WRIT_E_NOT_FOUND;
}

/* The first server's own objects have sizes that are the node's. */
static int check_node(struct build *b)
{
	const struct dump_obj *root = obj_at(b, b->root);
	struct writ_quota_rep q;
	int e = root->n[0] == BOOT_CSPACE_BITS
	    ? writ_quota_read(WRIT_BOOT_UNTYPED, &q)
	    : build_bad(b, root->line, -WRIT_E_RANGE, "the first server's CSpace has %d bits",
		  BOOT_CSPACE_BITS);

	for (uint32_t o = 1; o <= b->d->nobjs && e == 0; o++) {
		const struct dump_obj *x = obj_at(b, o);

		if (x->type == WRIT_TYPE_UNTYPED && x->boot &&
		    (x->n[0] != q.max.bytes || x->n[1] != q.max.slots || x->n[2] != q.max.procs))
			e = build_bad(b, x->line, -WRIT_E_RANGE,
			    "this node has %llu bytes, %u slots, %u procs",
			    (unsigned long long)q.max.bytes, q.max.slots, q.max.procs);
	}
	return e;
}

/* Where the dump puts the one that its operators' questions are answered with. */
static int find_audit(struct build *b)
{
	for (uint32_t c = 1; c <= b->d->ncaps; c++)
		if (cap_at(b, c)->cnode == b->root &&
		    obj_at(b, cap_at(b, c)->obj)->type == WRIT_TYPE_AUDIT &&
		    (cap_at(b, c)->rights & WRIT_R_READ) != 0) {
			loader.audit = cap_at(b, c)->index;
			return 0;
		}
	return build_bad(b, 1, -WRIT_E_INVALID_ARGUMENT,
	    "the first server holds no Audit capability: nobody could see what was made");
}

static int load(void)
{
	struct build *b = &loader.build;
	size_t len;
	const char *text = module_map(DUMP_MODULE, &len);
	int e = text != NULL ? dump_parse(&loader.dump, text, len, loader.why) : -WRIT_E_NOT_FOUND;

	if (e != 0)
		return e;
	*b = (struct build){ .d = &loader.dump, .why = loader.why };
	loader.why[0] = '\0';
	b->images = module_map(DUMP_IMAGES_MODULE, &b->images_len);
	if (sodium_init() < 0)
		return -WRIT_E_IO;
	if ((e = build_prepare(b)) != 0 || (e = check_node(b)) != 0 || (e = find_audit(b)) != 0 ||
	    (e = take_boot(b)) != 0 || (e = take_image(b)) != 0)
		return e;
	return build_all(b);
}

/* --- what operators ask ------------------------------------------------------------------------
 */

static int op_ping(struct call *c)
{
	(void)c;
	return 0;
}

static int op_down(struct call *c)
{
	c->down = true;
	return 0;
}

static int op_caps(struct call *c)
{
	return rows_caps(loader.audit, c->q, &c->rep);
}

static const uint8_t *hash_of(uint32_t obj)
{
	for (uint32_t i = 0; i < loader.build.nhashes; i++)
		if (loader.build.hashes[i].obj == obj)
			return loader.build.hashes[i].sha256;
	return NULL;
}

static int op_objects(struct call *c)
{
	return rows_objects(loader.audit, hash_of, c->q, &c->rep);
}

static int (*const handlers[])(struct call *c) = {
	[WRIT__OP__OP__OP_PING] = op_ping,
	[WRIT__OP__OP__OP_DOWN] = op_down,
	[WRIT__OP__OP__OP_CAPS] = op_caps,
	[WRIT__OP__OP__OP_OBJECTS] = op_objects,
};
static const struct op_user user = { .handlers = handlers,
	.n = sizeof(handlers) / sizeof(handlers[0]) };

/* --- the server
 * ----------------------------------------------------------------------------------- */

static int loader_init(struct srv *s, int argc, char **argv)
{
	int e;

	(void)argc;
	(void)argv;
	if ((e = op_folder(s)) < 0)
		return e;
	if ((e = load()) < 0) {
		srv_log(s, "dump:%s", loader.why[0] != '\0' ? loader.why : writ_strerror(e));
		return e;
	}
	return op_init(s, &user);
}

/* Nobody has a session with it: it serves no endpoint. */
static int64_t loader_handle(struct srv_session *c, uint32_t label, const void *req, size_t len,
    void *rep)
{
	(void)c;
	(void)label;
	(void)req;
	(void)len;
	(void)rep;
	return -WRIT_E_BAD_REQUEST;
}

static const struct srv_ops ops = {
	.name = "loader",
	.init = loader_init,
	.handle = loader_handle,
};

int writ_main(int argc, char **argv)
{
	int code = srv_main(argc, argv, &ops);

	if (op_ended())
		op_fini();
	return code;
}
