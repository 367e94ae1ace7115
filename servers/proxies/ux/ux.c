/* SPDX-License-Identifier: MIT */
/*
 * Opening, reading and writing files of the folder, and changing its names.
 * Every call names a path relative to the folder (openat2) or one component
 * relative to a descriptor got that way; no other way to a file exists here.
 */
#include "servers/proxies/ux/ux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <writ/err.h>

#define INSIDE     (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
#define AT_TRIES   32 /* somebody renames folders on the way again and again */
#define FILE_MODE  0644
#define DIR_MODE   0755
#define PARENT_MAX 4096

/* --- paths -------------------------------------------------------------------- */

int ux_at(const struct ux *u, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? FILE_MODE : 0,
		.resolve = INSIDE,
	};
	long fd = -1;

	path += strspn(path, "/");
	for (unsigned i = 0; i < AT_TRIES; i++) {
		fd = syscall(SYS_openat2, u->root, *path != '\0' ? path : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd >= 0 ? (int)fd : ux_err(errno);
}

static int stat_fd(int fd, struct stat *ret)
{
	return fstatat(fd, "", ret, AT_EMPTY_PATH) == 0 ? 0 : ux_err(errno);
}

int ux_probe(const struct ux *u, const char *path, struct stat *ret)
{
	int fd = ux_at(u, path, O_PATH);
	int r;

	if (fd < 0)
		return fd;
	r = stat_fd(fd, ret);
	close(fd);
	if (r == 0 && !S_ISREG(ret->st_mode) && !S_ISDIR(ret->st_mode))
		return -WRIT_E_NOT_FOUND;
	return r;
}

static uint64_t to_ns(struct timespec t)
{
	return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void stat_convert(const struct stat *st, struct writ_stat *ret)
{
	bool file = S_ISREG(st->st_mode);

	*ret = (struct writ_stat){
		.kind = file ? WRIT_FILE : WRIT_DIR,
		.size = file ? (uint64_t)st->st_size : 0,
		.version = to_ns(st->st_ctim),
		.mtime_ns = to_ns(st->st_mtim),
	};
}

int ux_stat(const struct ux *u, const char *path, struct writ_stat *ret)
{
	struct stat st;
	int r = ux_probe(u, path, &st);

	if (r == 0)
		stat_convert(&st, ret);
	return r;
}

/*
 * The folder that holds @path's last component, which is *ret_name. Returns
 * its descriptor (owned by the caller) or an error; "/": ILLEGAL_OPERATION.
 */
static int parent_open(const struct ux *u, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[PARENT_MAX];

	if (slash == NULL || slash[1] == '\0')
		return -WRIT_E_ILLEGAL_OPERATION;
	if ((size_t)(slash - path) >= sizeof(dir))
		return -WRIT_E_NAME_TOO_LONG;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	if (strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
		return -WRIT_E_BAD_PATH;
	*ret_name = slash + 1;
	return ux_at(u, dir, O_PATH | O_DIRECTORY);
}

/* --- files -------------------------------------------------------------------- */

static struct ux_file *file_new(struct ux *u, uint32_t owner)
{
	struct ux_file *f = NULL;
	unsigned mine = 0, unused = 0;

	for (unsigned i = 0; i < u->nfiles; i++) {
		mine += u->files[i].used && u->files[i].owner == owner;
		unused += !u->files[i].used;
		if (!u->files[i].used && f == NULL)
			f = &u->files[i];
	}
	return mine < unused ? f : NULL;
}

static uint64_t host_flags(unsigned flags)
{
	bool writes = flags & (WRIT_O_WRITE | WRIT_O_TRUNC | WRIT_O_APPEND);
	uint64_t f = O_NONBLOCK | O_NOCTTY;

	if (writes)
		f |= flags & WRIT_O_READ ? O_RDWR : O_WRONLY;
	if (flags & WRIT_O_APPEND)
		f |= O_APPEND;
	if (flags & WRIT_O_CREATE)
		f |= O_CREAT | O_EXCL | O_NOFOLLOW;
	return f;
}

/*
 * A descriptor of a regular file. What is there is looked at first, as opening
 * a FIFO or a device may have effects of its own, and once more when open.
 */
static int file_open(const struct ux *u, const char *path, unsigned flags, struct stat *ret)
{
	int fd, r = 0;

	if (!(flags & WRIT_O_CREATE)) {
		r = ux_probe(u, path, ret);
		if (r < 0)
			return r;
		if (S_ISDIR(ret->st_mode))
			return -WRIT_E_IS_DIR;
	}
	fd = ux_at(u, path, host_flags(flags));
	if (fd < 0)
		return fd;
	if ((flags & WRIT_O_TRUNC) && !(flags & WRIT_O_CREATE)) {
		r = stat_fd(fd, ret);
		if (r == 0 && S_ISREG(ret->st_mode) && ftruncate(fd, 0) != 0)
			r = ux_err(errno);
	}
	if (r == 0)
		r = stat_fd(fd, ret);
	if (r == 0 && !S_ISREG(ret->st_mode))
		r = -WRIT_E_NOT_FOUND;
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

int ux_open(struct ux *u, const char *path, unsigned flags, uint32_t owner, struct ux_file **ret,
    struct writ_stat *ret_st)
{
	struct ux_file *f = file_new(u, owner);
	struct stat st;
	int fd;

	if (f == NULL)
		return -WRIT_E_TOO_MANY_OPEN;
	fd = file_open(u, path, flags, &st);
	if (fd < 0)
		return fd;
	stat_convert(&st, ret_st);
	*f = (struct ux_file){ .fd = fd, .used = true, .owner = owner };
	*ret = f;
	return 0;
}

void ux_close(struct ux_file *f)
{
	close(f->fd);
	*f = (struct ux_file){ .fd = -1 };
}

int64_t ux_read(const struct ux_file *f, uint64_t off, void *buf, size_t len)
{
	size_t done = 0;

	if (off > INT64_MAX - len)
		return 0;
	while (done < len) {
		ssize_t n = pread(f->fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ux_err(errno);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}

int64_t ux_write(const struct ux_file *f, uint64_t off, const void *buf, size_t len)
{
	size_t done = 0;

	if (off == UX_END)
		off = 0; /* the descriptor is in append mode: the host finds the end */
	if (off > INT64_MAX - len)
		return -WRIT_E_RANGE;
	while (done < len) {
		ssize_t n = pwrite(f->fd, (const char *)buf + done, len - done,
		    (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ux_err(errno);
		if (n == 0)
			return -WRIT_E_IO;
		done += (size_t)n;
	}
	return (int64_t)len;
}

/* --- names -------------------------------------------------------------------- */

int ux_mkdir(const struct ux *u, const char *path)
{
	const char *name;
	int r = 0, dir = parent_open(u, path, &name);

	if (dir < 0)
		return dir == -WRIT_E_ILLEGAL_OPERATION ? -WRIT_E_EXISTS : dir;
	if (mkdirat(dir, name, DIR_MODE) != 0)
		r = ux_err(errno);
	close(dir);
	return r;
}

/* What is called @name in @dir itself, symlinks not followed. NOT_FOUND: none of ours. */
static int entry_mode(int dir, const char *name, mode_t *ret)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return ux_err(errno);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return -WRIT_E_NOT_FOUND;
	*ret = st.st_mode;
	return 0;
}

int ux_remove(const struct ux *u, const char *path)
{
	const char *name;
	int r, dir = parent_open(u, path, &name);
	mode_t mode;

	if (dir < 0)
		return dir;
	r = entry_mode(dir, name, &mode);
	if (r == 0 && unlinkat(dir, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0) != 0)
		r = ux_err(errno);
	close(dir);
	return r;
}

/* A folder may only take a free name: the host would replace an empty folder by it. */
static int rename_at(int from, const char *name, int to, const char *to_name)
{
	mode_t mode, there;
	int r = entry_mode(from, name, &mode);

	if (r < 0)
		return r;
	/* not renameat2(): the C library turns it into renameat(), which the sandbox lacks */
	if (syscall(SYS_renameat2, from, name, to, to_name, S_ISDIR(mode) ? RENAME_NOREPLACE : 0) ==
	    0)
		return 0;
	r = ux_err(errno);
	if (r == -WRIT_E_EXISTS && entry_mode(to, to_name, &there) == 0)
		r = S_ISDIR(there) ? -WRIT_E_IS_DIR : -WRIT_E_NOT_DIR;
	return r;
}

int ux_rename(const struct ux *u, const char *path, const char *to)
{
	const char *name, *to_name;
	int r, from, dest;

	from = parent_open(u, path, &name);
	if (from < 0)
		return from;
	dest = parent_open(u, to, &to_name);
	if (dest < 0) {
		close(from);
		return dest;
	}
	r = rename_at(from, name, dest, to_name);
	close(dest);
	close(from);
	return r;
}
