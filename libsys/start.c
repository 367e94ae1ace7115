/* SPDX-License-Identifier: MIT */
/*
 * Start records, built and read. Pure: no call, no allocation. The reader
 * trusts nothing: whatever the bytes are, it stays inside of them.
 */
#include <writ/start.h>
#include <string.h>

static bool start_put(struct start_buf *s, const void *a, size_t alen, const char *str)
{
	size_t n = strlen(str) + 1;

	if (s->full || n > sizeof(s->data) || alen + n > sizeof(s->data) - s->len) {
		s->full = true;
		return false;
	}
	memcpy(s->data + s->len, a, alen);
	memcpy(s->data + s->len + alen, str, n);
	s->len += alen + n;
	return true;
}

static void start_stamp(struct start_buf *s)
{
	struct start_hdr h = { START_MAGIC, s->argc, s->names };

	memcpy(s->data, &h, sizeof(h));
}

void start_init(struct start_buf *s)
{
	s->full = false;
	s->argc = s->names = 0;
	s->len = sizeof(struct start_hdr);
	start_stamp(s);
}

void start_arg(struct start_buf *s, const char *arg)
{
	if (s->names > 0) {
		s->full = true;
		return;
	}
	if (!start_put(s, "", 0, arg))
		return;
	s->argc++;
	start_stamp(s);
}

void start_name(struct start_buf *s, unsigned type, const char *name, uint32_t slot,
    uint32_t rights)
{
	struct start_name n = { .slot = slot, .rights = rights, .type = type };

	if (!start_put(s, &n, sizeof(n), name))
		return;
	s->names++;
	start_stamp(s);
}

int start_open(struct start_pos *pos, const void *data, size_t len)
{
	struct start_hdr h;

	if (len < sizeof(h) || len > WRIT_BLOB_MAX)
		return -WRIT_E_BAD_REQUEST;
	memcpy(&h, data, sizeof(h));
	if (h.magic != START_MAGIC)
		return -WRIT_E_BAD_REQUEST;
	*pos = (struct start_pos){
		.p = (const char *)data + sizeof(h),
		.end = (const char *)data + len,
		.argc = h.argc,
		.names = h.names,
	};
	return 0;
}

/* The string at the position, which moves behind it; NULL when none ends in the record. */
static const char *start_string(struct start_pos *pos)
{
	const char *s = pos->p, *nul = memchr(s, '\0', (size_t)(pos->end - s));

	if (nul == NULL) {
		pos->argc = pos->names = 0;
		return NULL;
	}
	pos->p = nul + 1;
	return s;
}

const char *start_next_arg(struct start_pos *pos)
{
	if (pos->argc == 0)
		return NULL;
	pos->argc--;
	return start_string(pos);
}

bool start_next_name(struct start_pos *pos, struct start_name *ret, const char **ret_name)
{
	struct start_name n;
	const char *s;

	while (pos->argc > 0)
		start_next_arg(pos);
	if (pos->names == 0)
		return false;
	pos->names--;
	if ((size_t)(pos->end - pos->p) < sizeof(n)) {
		pos->names = 0;
		return false;
	}
	memcpy(&n, pos->p, sizeof(n));
	pos->p += sizeof(n);
	s = start_string(pos);
	if (s == NULL)
		return false;
	*ret = n;
	*ret_name = s;
	return true;
}
