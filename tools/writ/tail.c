/* SPDX-License-Identifier: MIT */
/* Following log files: see tail.h. Files are opened below one folder, never through links. */
#include "tools/writ/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/writ/show.h"

int tail_init(struct tail *t, const char *dir, FILE *out, unsigned flags)
{
	int r;

	*t = (struct tail){ .dir = -1, .inotify = -1, .flags = flags, .out = out };
	t->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir >= 0)
		t->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (t->inotify >= 0 && inotify_add_watch(t->inotify, dir, IN_MODIFY | IN_CREATE) >= 0)
		return 0;
	r = -errno;
	tail_fini(t);
	return r;
}

static void file_close(struct tail_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void tail_fini(struct tail *t)
{
	for (size_t i = 0; i < t->nfiles; i++) {
		file_close(t->files[i]);
		free(t->files[i]);
	}
	free(t->files);
	if (t->dir >= 0)
		close(t->dir);
	if (t->inotify >= 0)
		close(t->inotify);
	*t = (struct tail){ .dir = -1, .inotify = -1 };
}

/* Returns 0 (open, or not there yet) or -errno. */
static int file_open(const struct tail *t, struct tail_file *f)
{
	struct stat st;

	if (f->fd >= 0)
		return 0;
	f->fd = openat(t->dir, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		file_close(f);
		return -ENXIO;
	}
	return 0;
}

int tail_add(struct tail *t, uint64_t key, const char *path, const char *name, uint64_t last)
{
	struct tail_file *f, **files;
	struct stat st;
	int r;

	for (size_t i = 0; i < t->nfiles; i++) {
		if (t->files[i]->key == key)
			return 0;
	}
	files = reallocarray(t->files, t->nfiles + 1, sizeof(*files));
	f = calloc(1, sizeof(*f));
	if (files != NULL)
		t->files = files;
	if (files == NULL || f == NULL) {
		free(f);
		return -ENOMEM;
	}
	f->key = key;
	f->fd = -1;
	snprintf(f->path, sizeof(f->path), "%s", path);
	show_safe(name, strlen(name), f->name, sizeof(f->name));
	r = file_open(t, f);
	if (r < 0) {
		free(f);
		return r;
	}
	if (f->fd >= 0 && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size > last)
		f->offset = (uint64_t)st.st_size - last;
	t->files[t->nfiles++] = f;
	return 0;
}

/* Put out @n bytes, a line or a piece of one, with its end if @end. */
static void put_line(struct tail *t, const struct tail_file *f, const char *s, size_t n, bool end)
{
	char safe[TAIL_LINE_MAX * 4 + 1];
	size_t start, tab;

	if (t->flags & TAIL_PREFIX)
		fprintf(t->out, "%s| ", f->name);
	if (t->flags & TAIL_SAFE) {
		for (start = 0; start < n; start = tab + 1) { /* tabs do no harm */
			for (tab = start; tab < n && s[tab] != '\t'; tab++)
				;
			show_safe(s + start, tab - start, safe, sizeof(safe));
			fputs(safe, t->out);
			if (tab < n)
				fputc('\t', t->out);
		}
	} else {
		fwrite(s, 1, n, t->out);
	}
	if (end)
		fputc('\n', t->out);
}

/* Put out the whole lines of f->line; a line that fills it is put out in pieces. */
static void put_lines(struct tail *t, struct tail_file *f)
{
	size_t from = 0, keep;
	char *nl;

	while ((nl = memchr(f->line + from, '\n', f->used - from)) != NULL) {
		put_line(t, f, f->line + from, (size_t)(nl - f->line) - from, true);
		from = (size_t)(nl - f->line) + 1;
	}
	if (from == 0 && f->used == TAIL_LINE_MAX) {
		keep = show_cut(f->line, f->used);
		put_line(t, f, f->line, f->used - keep, (t->flags & TAIL_PREFIX) != 0);
		from = f->used - keep;
	}
	memmove(f->line, f->line + from, f->used - from);
	f->used -= from;
}

/* Copy at most TAIL_ROUND_MAX bytes. Returns true when there is more. */
static bool file_pump(struct tail *t, struct tail_file *f)
{
	size_t round = 0;
	struct stat st;
	ssize_t n;

	if (f->ended || file_open(t, f) < 0 || f->fd < 0)
		return false;
	if (fstat(f->fd, &st) == 0 && (uint64_t)st.st_size < f->offset)
		f->offset = 0; /* it was cut: begin again */
	while (round < TAIL_ROUND_MAX) {
		n = pread(f->fd, f->line + f->used, TAIL_LINE_MAX - f->used, (off_t)f->offset);
		if (n <= 0)
			return false;
		f->offset += (uint64_t)n;
		f->used += (size_t)n;
		round += (size_t)n;
		put_lines(t, f);
	}
	return true;
}

bool tail_pump(struct tail *t)
{
	bool more = false;

	for (size_t i = 0; i < t->nfiles; i++)
		more |= file_pump(t, t->files[i]);
	if (fflush(t->out) != 0 || ferror(t->out))
		t->broken = true;
	return more && !t->broken;
}

void tail_end(struct tail *t, uint64_t key)
{
	struct tail_file *f = NULL;

	for (size_t i = 0; i < t->nfiles && f == NULL; i++) {
		if (t->files[i]->key == key)
			f = t->files[i];
	}
	if (f == NULL || f->ended)
		return;
	while (file_pump(t, f) && !ferror(t->out))
		;
	if (f->used > 0)
		put_line(t, f, f->line, f->used, (t->flags & (TAIL_PREFIX | TAIL_SAFE)) != 0);
	f->used = 0;
	f->ended = true;
	file_close(f);
	if (fflush(t->out) != 0)
		t->broken = true;
}

void tail_wait(struct tail *t, int ms)
{
	struct pollfd p = { .fd = t->inotify, .events = POLLIN };
	char events[4096];

	if (poll(&p, 1, ms) <= 0)
		return;
	while (read(t->inotify, events, sizeof(events)) > 0)
		;
}
