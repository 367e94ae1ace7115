/* SPDX-License-Identifier: MIT */
/*
 * Frames over a byte stream. Received bytes are copied into private memory before
 * they are looked at; a record that the protocol can't have made ends the stream.
 */
#include "tx_stream.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
	struct tx tx;
	size_t window; /* cost that may be on its way, a direction */
	size_t spent;  /* of it, by us */
	size_t owed;   /* taken and not yet given back */
	size_t held;   /* cost of what the peer sent and we have not given back */
	bool over;     /* no more will come */
	bool deaf;     /* no more can go */
	uint8_t *out;  /* a record and the data of one frame */
	uint8_t *in;   /* [head, seen): whole frames; [seen, tail): not yet looked at */
	size_t head, seen, tail, size;
};

static struct stream *stream(struct tx *t)
{
	return (struct stream *)(void *)t;
}

static size_t cost(size_t len)
{
	return len + STREAM_COST;
}

/* All or nothing: within the credit Linux has room, so less is the end. */
static bool push(struct stream *s, const void *p, size_t len)
{
	if (s->over || s->deaf)
		return false;
	if (send(s->tx.fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return true;
	s->deaf = true;
	shutdown(s->tx.fd, SHUT_RDWR); /* what had come is still there to be read */
	return false;
}

/* Look at the record at `seen`. Returns false when it isn't whole, or wrong. */
static bool look(struct stream *s)
{
	size_t left = s->tail - s->seen;
	struct stream_rec r;

	if (left < sizeof(r))
		return false;
	memcpy(&r, s->in + s->seen, sizeof(r));
	if (r.type == STREAM_CREDIT && r.len > 0 && r.len <= s->spent) {
		s->spent -= r.len;
		s->tail -= sizeof(r);
		memmove(s->in + s->seen, s->in + s->seen + sizeof(r), s->tail - s->seen);
		return true;
	}
	if (r.type != STREAM_FRAME || r.len > s->tx.frame_max ||
	    cost(r.len) > s->window - s->held) {
		s->over = true;
		return false;
	}
	if (left < sizeof(r) + r.len)
		return false;
	s->held += cost(r.len);
	s->seen += sizeof(r) + r.len;
	return true;
}

/* Take in all that has come. */
static void pump(struct stream *s)
{
	ssize_t n;

	while (!s->over) {
		if (s->tail == s->size) {
			s->over = true; /* more than it has credit for */
			break;
		}
		n = recv(s->tx.fd, s->in + s->tail, s->size - s->tail, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			s->over = true;
		else
			s->tail += (size_t)n;
		while (n > 0 && look(s))
			continue;
	}
}

static void *stream_reserve(struct tx *t, size_t len)
{
	struct stream *s = stream(t);

	if (len > t->frame_max)
		return NULL;
	if (cost(len) > s->window - s->spent)
		pump(s);
	/* One that is over takes all, so that commit() says so. */
	if (!s->over && !s->deaf && cost(len) > s->window - s->spent)
		return NULL;
	return s->out + sizeof(struct stream_rec);
}

static int stream_commit(struct tx *t, const struct frame *f, bool cork)
{
	struct stream *s = stream(t);
	struct stream_rec r = { .type = STREAM_FRAME,
		.len = f->len,
		.total = f->total,
		.label = f->label,
		.id = f->id,
		.kind = f->kind };

	(void)cork;
	memcpy(s->out, &r, sizeof(r));
	if (!push(s, s->out, sizeof(r) + f->len))
		return -WRIT_E_PEER_CLOSED;
	s->spent += cost(f->len);
	return 0;
}

static void stream_flush(struct tx *t)
{
	(void)t;
}

static int stream_peek(struct tx *t, struct frame *ret, const void **data)
{
	struct stream *s = stream(t);
	struct stream_rec r;

	if (s->head == s->seen)
		pump(s);
	if (s->head == s->seen)
		return s->over ? -WRIT_E_PEER_CLOSED : 0;
	memcpy(&r, s->in + s->head, sizeof(r));
	*ret = (struct frame){ .len = r.len,
		.total = r.total,
		.label = r.label,
		.id = r.id,
		.kind = r.kind };
	*data = s->in + s->head + sizeof(r);
	return 1;
}

static int stream_release(struct tx *t)
{
	struct stream *s = stream(t);
	struct stream_rec r, give = { .type = STREAM_CREDIT };

	memcpy(&r, s->in + s->head, sizeof(r));
	s->head += sizeof(r) + r.len;
	s->owed += cost(r.len);
	if (s->head > s->size / 2 || s->head == s->seen) {
		memmove(s->in, s->in + s->head, s->tail - s->head);
		s->seen -= s->head;
		s->tail -= s->head;
		s->head = 0;
	}
	/* A peer that is gone wants none; what it had sent is still to be taken. */
	if (s->head == s->seen || s->owed >= s->window / 4) {
		give.len = (uint32_t)s->owed;
		s->held -= s->owed;
		s->owed = 0;
		push(s, &give, sizeof(give));
	}
	return 0;
}

static bool stream_arm(struct tx *t, unsigned want, size_t len)
{
	struct stream *s = stream(t);

	pump(s);
	return s->over || (want & TX_IN && s->head != s->seen) ||
	    (want & TX_OUT && (s->deaf || cost(len) <= s->window - s->spent));
}

/* The socket is readable as long as something is in it: there is nothing to take back. */
static void stream_disarm(struct tx *t, unsigned want)
{
	(void)want;
	pump(stream(t));
}

static void stream_close(struct tx *t)
{
	struct stream *s = stream(t);

	close(t->fd);
	free(s->in);
	free(s->out);
	free(s);
}

static const struct tx_ops ops = {
	.reserve = stream_reserve,
	.commit = stream_commit,
	.flush = stream_flush,
	.peek = stream_peek,
	.release = stream_release,
	.arm = stream_arm,
	.disarm = stream_disarm,
	.close = stream_close,
};

struct tx *tx_stream_new(int fd, size_t frame_max)
{
	struct stream *s = calloc(1, sizeof(*s));
	int room;

	if (s == NULL || frame_max > STREAM_FRAME_MAX) {
		close(fd);
		free(s);
		return NULL;
	}
	s->tx =
	    (struct tx){ .ops = &ops, .frame_max = frame_max, .fd = fd, .peer_cpu = UINT32_MAX };
	s->window = STREAM_WINDOW(frame_max);
	room = (int)s->window + 65536; /* and for credits; Linux doubles it, for its own costs */
	s->size = 4 * s->window;
	s->in = malloc(s->size);
	s->out = malloc(sizeof(struct stream_rec) + frame_max);
	if (s->in != NULL && s->out != NULL &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0)
		return &s->tx;
	stream_close(&s->tx);
	return NULL;
}

bool tx_stream_pair(size_t frame_max, struct tx *ret[2])
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return false;
	ret[0] = tx_stream_new(fd[0], frame_max);
	ret[1] = tx_stream_new(fd[1], frame_max);
	if (ret[0] != NULL && ret[1] != NULL)
		return true;
	for (int i = 0; i < 2; i++)
		if (ret[i] != NULL)
			ret[i]->ops->close(ret[i]);
	return false;
}
