/* SPDX-License-Identifier: MIT */
#include "memfs.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES    400
#define FILE_MAX 200000

static struct node {
	char path[FSSRV_PATH_MAX];
	uint32_t kind;
	size_t len;
	char *data;
} nodes[NODES];
static unsigned calls;
static int open_files;
/* One name, for one. */
static char enrolled[FSSRV_PATH_MAX];
static writ_cap_t enrolled_cap;

static struct node *find(const char *path)
{
	for (unsigned i = 0; i < NODES; i++)
		if (nodes[i].kind != 0 && strcmp(nodes[i].path, path) == 0)
			return &nodes[i];
	return NULL;
}

static struct node *add(const char *path, uint32_t kind)
{
	for (unsigned i = 0; i < NODES; i++) {
		if (nodes[i].kind != 0)
			continue;
		nodes[i].kind = kind;
		nodes[i].len = 0;
		snprintf(nodes[i].path, sizeof(nodes[i].path), "%s", path);
		return &nodes[i];
	}
	return NULL;
}

static int64_t put(struct node *n, uint64_t off, const void *buf, size_t len)
{
	if (off == FSSRV_END)
		off = n->len;
	if (off + len > FILE_MAX)
		return -WRIT_E_NO_SPACE;
	if (n->data == NULL)
		n->data = calloc(1, FILE_MAX);
	if (len > 0)
		memcpy(n->data + off, buf, len);
	if (off + len > n->len)
		n->len = off + len;
	return (int64_t)len;
}

void memfs_reset(void)
{
	for (unsigned i = 0; i < NODES; i++)
		nodes[i].kind = 0;
	calls = 0;
	enrolled_cap = 0;
	open_files = 0;
	add("/", WRIT_DIR);
	add("/d", WRIT_DIR);
	put(add("/f", WRIT_FILE), 0, "file", 4);
	put(add("/d/g", WRIT_FILE), 0, "deep", 4);
}

unsigned memfs_calls(void)
{
	return calls;
}

int memfs_open_files(void)
{
	return open_files;
}

/* The folder that @path lies in; NULL when there is none. */
static struct node *parent(const char *path)
{
	char up[FSSRV_PATH_MAX];
	char *cut;

	snprintf(up, sizeof(up), "%s", path);
	cut = strrchr(up, '/');
	cut[cut == up ? 1 : 0] = '\0';
	return find(up);
}

static int m_open(struct srv_session *c, const char *path, unsigned flags, void **file,
    struct writ_stat *st)
{
	struct node *n = find(path);

	(void)c;
	calls++;
	if ((flags & WRIT_O_CREATE) != 0) {
		if (n != NULL)
			return -WRIT_E_EXISTS;
		if (parent(path) == NULL)
			return -WRIT_E_NOT_FOUND;
		n = add(path, WRIT_FILE);
		if (n == NULL)
			return -WRIT_E_NO_SPACE;
	}
	if (n == NULL)
		return -WRIT_E_NOT_FOUND;
	if (n->kind == WRIT_DIR)
		return -WRIT_E_IS_DIR;
	if ((flags & WRIT_O_TRUNC) != 0)
		n->len = 0;
	open_files++;
	*file = n;
	*st = (struct writ_stat){ .kind = n->kind, .size = n->len, .version = 1 };
	return 0;
}

static void m_close(struct srv_session *c, void *file)
{
	(void)c;
	(void)file;
	open_files--;
}

static int64_t m_read(struct srv_session *c, void *file, uint64_t off, void *buf, size_t len)
{
	const struct node *n = file;

	(void)c;
	calls++;
	if (off >= n->len)
		return 0;
	if (len > n->len - off)
		len = n->len - off;
	memcpy(buf, n->data + off, len);
	return (int64_t)len;
}

static int64_t m_write(struct srv_session *c, void *file, uint64_t off, const void *buf, size_t len)
{
	(void)c;
	calls++;
	return put(file, off, buf, len);
}

static int m_stat(struct srv_session *c, const char *path, struct writ_stat *ret)
{
	const struct node *n = find(path);

	(void)c;
	calls++;
	if (n == NULL)
		return -WRIT_E_NOT_FOUND;
	*ret = (struct writ_stat){ .kind = n->kind, .size = n->len, .version = 1, .mtime_ns = 5 };
	return 0;
}

static int m_mkdir(struct srv_session *c, const char *path)
{
	(void)c;
	calls++;
	if (find(path) != NULL)
		return -WRIT_E_EXISTS;
	return parent(path) == NULL       ? -WRIT_E_NOT_FOUND
	    : add(path, WRIT_DIR) != NULL ? 0
					  : -WRIT_E_NO_SPACE;
}

static bool inside(const struct node *n, const char *dir)
{
	return n->kind != 0 && n->path[1] != '\0' && parent(n->path) == find(dir);
}

static int m_remove(struct srv_session *c, const char *path)
{
	struct node *n = find(path);

	(void)c;
	calls++;
	if (n == NULL)
		return -WRIT_E_NOT_FOUND;
	for (unsigned i = 0; i < NODES; i++)
		if (inside(&nodes[i], path))
			return -WRIT_E_NOT_EMPTY;
	n->kind = 0;
	return 0;
}

static int64_t m_readdir(struct srv_session *c, const char *path, uint64_t off,
    struct writ_dirent *ret, unsigned max, uint64_t *next)
{
	unsigned k = 0;

	(void)c;
	calls++;
	if (find(path) == NULL)
		return -WRIT_E_NOT_FOUND;
	for (uint64_t i = off; i < NODES; i++) {
		if (!inside(&nodes[i], path))
			continue;
		if (k == max) {
			*next = i;
			return k;
		}
		ret[k] = (struct writ_dirent){ .kind = nodes[i].kind, .size = nodes[i].len };
		snprintf(ret[k++].name, sizeof(ret->name), "%.255s",
		    strrchr(nodes[i].path, '/') + 1);
	}
	*next = 0;
	return k;
}

static int m_rename(struct srv_session *c, const char *path, const char *to)
{
	struct node *n = find(path), *old = find(to);

	(void)c;
	calls++;
	if (n == NULL || parent(to) == NULL)
		return -WRIT_E_NOT_FOUND;
	if (old != NULL && old->kind == WRIT_DIR)
		return -WRIT_E_IS_DIR;
	if (old != NULL && old != n)
		old->kind = 0;
	snprintf(n->path, sizeof(n->path), "%s", to);
	return 0;
}

static int m_enroll(struct srv_session *c, const char *path, writ_cap_t cap, char *ret_member)
{
	(void)c;
	calls++;
	if (enrolled_cap != 0)
		return -WRIT_E_NO_SPACE;
	enrolled_cap = cap;
	snprintf(enrolled, sizeof(enrolled), "%s", path);
	snprintf(ret_member, FSSRV_MEMBER_MAX, "1");
	return 0;
}

static int m_dismiss(struct srv_session *c, const char *path)
{
	(void)c;
	calls++;
	if (enrolled_cap == 0 || strcmp(path, enrolled) != 0)
		return -WRIT_E_NOT_FOUND;
	enrolled_cap = 0;
	return 0;
}

static int m_lookup(struct srv_session *c, const char *path, const char *avoid, writ_cap_t *ret_cap,
    char *ret_member)
{
	(void)c;
	calls++;
	if (enrolled_cap == 0 || strcmp(path, enrolled) != 0 || strcmp(avoid, "1") == 0)
		return -WRIT_E_NOT_FOUND;
	*ret_cap = enrolled_cap;
	snprintf(ret_member, FSSRV_MEMBER_MAX, "1");
	return 0;
}

const struct fssrv_ops memfs_ops = {
	.name = "memfs",
	.open = m_open,
	.close = m_close,
	.read = m_read,
	.write = m_write,
	.stat = m_stat,
	.mkdir = m_mkdir,
	.remove = m_remove,
	.readdir = m_readdir,
	.rename = m_rename,
	.enroll = m_enroll,
	.dismiss = m_dismiss,
	.lookup = m_lookup,
};
