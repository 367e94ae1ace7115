// SPDX-License-Identifier: MIT
/*
 * Rings: the user transport. docs/messages.md has the layout, the protocol, and
 * why each fence is where it is.
 *
 * The peer may write anything anywhere at any time. So: what steers (indices, what was
 * reserved, what has been seen) is private; a word of the peer's is loaded once, and
 * then checked; a header is copied, and then checked; nothing of it is read again. What
 * the protocol can't have made breaks the ring, for good, and nothing else.
 */
#include "libsys/ring_private.h"
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "libsys/spin.h"

#define LINE        64
#define TELL_SLOTS  8  /* taken before the producer is told of them */
#define NEAR        4  /* bulk lines */
#define AHEAD       2  /* slots */
#define FIRST       40 /* bytes of data in the first line of a slot */
#define WAKE_MIN_NS 1000
#define WAKE_MAX_NS 200000

struct ring_slot {
	/*
	 * Which lap over the slots this is, from 1; the slot is full when it is the lap that the
	 * consumer is on. Written last.
	 */
	_Atomic uint32_t lap;
	_Atomic uint32_t len, total, label, id;
	_Atomic uint8_t kind;
	uint8_t zero[3];
	unsigned char data[RING_INLINE];
};
static_assert(offsetof(struct ring_slot, data) + FIRST == LINE, "first line");
static_assert(sizeof(struct ring_slot) == 2 * LINE, "two lines");
static_assert(sizeof(struct ring_slot) * RING_SLOTS == RING_PAGE, "one page");

struct ring {
	struct tx tx;
	bool broken;
	bool armed;
	/* What one sends. */
	bool corked;
	bool staged;      /* the reserved place is @stage */
	uint32_t head;    /* slots filled so far */
	uint32_t head_at; /* bulk lines filled so far */
	uint32_t free_to; /* slots taken by the peer, as last seen */
	uint32_t free_at; /* bulk lines */
	int64_t reserved; /* bytes; -1: nothing */
	struct ring_slot *out;
	struct ring_dir *out_dir;
	unsigned char *out_bulk;
	/* What comes. */
	bool have;        /* @in is the frame that peek() gives */
	uint32_t tail;    /* slots taken so far */
	uint32_t tail_at; /* bulk lines taken so far */
	uint32_t told;    /* of those, what the peer was told */
	uint32_t told_at;
	struct ring_slot *from;
	struct ring_dir *in_dir;
	unsigned char *in_bulk;
	struct frame in;
	/* Both. */
	struct ring_side *mine, *theirs;
	uint32_t bulk; /* bytes */
	uint32_t cpu;  /* as last told */
	struct link *link;
	unsigned index;
	void *base;
	bool hints_inside; /* the hints of @link lie in this memory */
	/* Small data is put together here: a line that the consumer looks at all the time
	 * should be written at once. */
	alignas(8) unsigned char stage[RING_INLINE];
};

static const struct tx_ops ring_ops;

size_t ring_bytes(uint32_t bulk)
{
	return RING_HEAD + 2 * (size_t)bulk;
}

/* Lines of bulk that @len bytes take. */
static uint32_t ring_lines(size_t len)
{
	return len <= RING_INLINE ? 0 : (uint32_t)((len + LINE - 1) / LINE);
}

static size_t ring_offset(const struct ring *r, uint32_t at)
{
	return (size_t)at * LINE & (r->bulk - 1);
}

static uint32_t ring_lap(uint32_t n)
{
	return n / RING_SLOTS + 1;
}

static struct ring_slot *ring_slot_in(const struct ring *r)
{
	return &r->from[r->tail % RING_SLOTS];
}

/* Have the line, to write to it, by the time that it is needed. */
static void ring_own(const void *line)
{
	asm volatile("prefetchw (%0)" ::"r"(line));
}

/*
 * What comes next may be longer than a line: fetch those that follow while looking for it. (gcc
 * takes a function of builtin prefetches for one without effect, and drops it.)
 */
static void ring_near(const struct ring *r)
{
	const unsigned char *p = r->in_bulk + ring_offset(r, r->tail_at);

	asm volatile("prefetcht0 (%0)" ::"r"(ring_slot_in(r)->data + FIRST));
	for (size_t i = 0; i < NEAR * LINE; i += LINE)
		asm volatile("prefetcht0 (%0)" ::"r"(p + i));
}

static void ring_wake(struct ring *r)
{
	atomic_store_explicit(&r->mine->rang_ns, (uint64_t)spin_now(), memory_order_relaxed);
	link_ring(r->link, r->index);
}

/* Ring the peer if it has set @word. */
static void ring_answer(struct ring *r, _Atomic uint32_t *word)
{
	if (atomic_load(word) && atomic_exchange(word, 0))
		ring_wake(r);
}

/* Tell on which CPU one is. */
static void ring_here(struct ring *r)
{
	uint32_t cpu = spin_cpu() + 1;

	if (cpu == r->cpu)
		return;
	r->cpu = cpu;
	atomic_store_explicit(&r->mine->cpu, cpu, memory_order_relaxed);
}

static void ring_there(struct ring *r)
{
	r->tx.peer_cpu = atomic_load_explicit(&r->theirs->cpu, memory_order_relaxed) - 1;
}

/* See what the peer has taken meanwhile. It can have taken more than before, and not more than
 * there was. */
static void ring_reload(struct ring *r)
{
	uint64_t t = atomic_load_explicit(&r->out_dir->tail, memory_order_acquire);
	uint32_t slots = (uint32_t)t, at = (uint32_t)(t >> 32);

	if (slots - r->free_to > r->head - r->free_to || at - r->free_at > r->head_at - r->free_at)
		r->broken = true;
	if (r->broken)
		return;
	r->free_to = slots;
	r->free_at = at;
}

static bool ring_room(const struct ring *r, size_t len)
{
	return r->head - r->free_to < RING_SLOTS &&
	    r->head_at - r->free_at + ring_lines(len) <= r->bulk / LINE;
}

static void *ring_reserve(struct tx *t, size_t len)
{
	struct ring *r = (struct ring *)t;
	unsigned char *p;

	assert(len <= t->frame_max);
	if (!ring_room(r, len))
		ring_reload(r);
	if (!r->broken && !ring_room(r, len))
		return NULL;
	r->reserved = (int64_t)len;
	r->staged = len <= RING_INLINE;
	if (r->staged) {
		if (len > FIRST)
			ring_own((const char *)&r->out[r->head % RING_SLOTS] + LINE);
		return r->stage;
	}
	p = r->out_bulk + ring_offset(r, r->head_at);
	if (r->broken)
		return p;
	for (size_t i = 0; i < NEAR * LINE && i < len; i += LINE)
		ring_own(p + i);
	return p;
}

static void ring_flush(struct tx *t)
{
	struct ring *r = (struct ring *)t;

	if (!r->corked)
		return;
	r->corked = false;
	atomic_thread_fence(memory_order_seq_cst);
	ring_answer(r, &r->out_dir->watch);
}

static int ring_commit(struct tx *t, const struct frame *f, bool cork)
{
	struct ring *r = (struct ring *)t;
	struct ring_slot *s = &r->out[r->head % RING_SLOTS];
	uint32_t lap = ring_lap(r->head);

	assert(r->reserved >= (int64_t)f->len && !f->ncaps);
	if (r->broken)
		return -WRIT_E_PEER_CLOSED;
	if (r->staged && f->len > FIRST) { /* before the line that the consumer looks at */
		memcpy(s->data + FIRST, r->stage + FIRST, RING_INLINE - FIRST);
		atomic_signal_fence(memory_order_seq_cst);
	}
	atomic_store_explicit(&s->len, f->len, memory_order_relaxed);
	atomic_store_explicit(&s->total, f->total, memory_order_relaxed);
	atomic_store_explicit(&s->label, f->label, memory_order_relaxed);
	atomic_store_explicit(&s->id, f->id, memory_order_relaxed);
	atomic_store_explicit(&s->kind, f->kind, memory_order_relaxed);
	if (r->staged)
		memcpy(s->data, r->stage, FIRST);
	else if (f->len <= RING_INLINE)
		memcpy(s->data, r->out_bulk + ring_offset(r, r->head_at), f->len);
	r->head_at += ring_lines(f->len);
	r->head++;
	ring_own(&r->out[(r->head + AHEAD) % RING_SLOTS]);
	r->reserved = -1;
	if (r->head % RING_SLOTS == 0)
		ring_here(r);
	if (cork || r->corked) {
		atomic_store_explicit(&s->lap, lap, memory_order_release);
		r->corked = true;
		if (!cork)
			ring_flush(t);
	} else {
		/* The full fence before looking at `watch`, too. */
		atomic_exchange(&s->lap, lap);
		ring_answer(r, &r->out_dir->watch);
	}
	return 0;
}

/*
 * Tell the peer what one has taken. No fence before the look at `starved`: who takes
 * will look again, in peek() when it finds nothing, or in arm(), with a fence.
 */
static void ring_tell(struct ring *r)
{
	if (r->told != r->tail) {
		atomic_store_explicit(&r->in_dir->tail, (uint64_t)r->tail_at << 32 | r->tail,
		    memory_order_release);
		r->told = r->tail;
		r->told_at = r->tail_at;
	}
	ring_answer(r, &r->in_dir->starved);
}

/* Copy the header, then check it. */
static bool ring_take(struct ring *r, const struct ring_slot *s)
{
	r->in.len = atomic_load_explicit(&s->len, memory_order_relaxed);
	r->in.total = atomic_load_explicit(&s->total, memory_order_relaxed);
	r->in.label = atomic_load_explicit(&s->label, memory_order_relaxed);
	r->in.id = atomic_load_explicit(&s->id, memory_order_relaxed);
	r->in.kind = atomic_load_explicit(&s->kind, memory_order_relaxed);
	return r->in.len <= r->tx.frame_max && r->in.kind < FRAME_N;
}

static int ring_peek(struct tx *t, struct frame *ret, const void **data)
{
	struct ring *r = (struct ring *)t;
	const struct ring_slot *s = ring_slot_in(r);
	uint32_t lap;

	if (r->broken)
		return -WRIT_E_PEER_CLOSED;
	if (!r->have) {
		lap = atomic_load_explicit(&s->lap, memory_order_acquire);
		if (lap == ring_lap(r->tail) - 1) {
			ring_tell(r);
			ring_there(r);
			ring_near(r);
			return 0;
		}
		if (lap != ring_lap(r->tail) || !ring_take(r, s)) {
			r->broken = true;
			return -WRIT_E_PEER_CLOSED;
		}
		r->have = true;
	}
	*ret = r->in;
	*data = r->in.len <= RING_INLINE ? s->data : r->in_bulk + ring_offset(r, r->tail_at);
	return 1;
}

static int ring_release(struct tx *t)
{
	struct ring *r = (struct ring *)t;
	const struct ring_slot *s = ring_slot_in(r);

	assert(r->have);
	r->have = false;
	/* Nothing of the data is read after this: pages that were taken away don't go unnoticed. */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&s->lap, memory_order_relaxed) != ring_lap(r->tail)) {
		r->broken = true;
		return -WRIT_E_PEER_CLOSED;
	}
	r->tail++;
	r->tail_at += ring_lines(r->in.len);
	/* At once: a peer that finds one dead must know what may have been done. */
	atomic_store_explicit(&r->in_dir->taken, r->tail, memory_order_release);
	if (r->tail - r->told >= TELL_SLOTS || r->tail_at - r->told_at >= r->bulk / 4 / LINE)
		ring_tell(r);
	return 0;
}

static bool ring_arm(struct tx *t, unsigned want, size_t len)
{
	struct ring *r = (struct ring *)t;
	const struct ring_slot *s = ring_slot_in(r);

	r->armed = true;
	ring_flush(t); /* else both may wait: one for what the other keeps back */
	ring_tell(r);
	ring_here(r);
	ring_there(r);
	if (want & TX_IN)
		atomic_store_explicit(&r->in_dir->watch, 1, memory_order_relaxed);
	if (want & TX_OUT)
		atomic_store_explicit(&r->out_dir->starved, 1, memory_order_relaxed);
	/* Each side says what it did and then looks at what the other did: one sees it. */
	atomic_thread_fence(memory_order_seq_cst);
	ring_answer(r, &r->in_dir->starved);
	if (want & TX_OUT)
		ring_reload(r);
	return r->broken ||
	    ((want & TX_IN) && (r->have || atomic_load(&s->lap) != ring_lap(r->tail) - 1)) ||
	    ((want & TX_OUT) && ring_room(r, len));
}

static void ring_disarm(struct tx *t, unsigned want)
{
	struct ring *r = (struct ring *)t;

	r->armed = false;
	if (want & TX_IN)
		atomic_store_explicit(&r->in_dir->watch, 0, memory_order_relaxed);
	if (want & TX_OUT)
		atomic_store_explicit(&r->out_dir->starved, 0, memory_order_relaxed);
}

void ring_rang(struct tx *t)
{
	struct ring *r = (struct ring *)t;
	uint64_t ns;

	if (!r->armed)
		return;
	ns = (uint64_t)spin_now() - atomic_load_explicit(&r->theirs->rang_ns, memory_order_relaxed);
	if (ns < WAKE_MIN_NS)
		ns = WAKE_MIN_NS;
	if (ns > WAKE_MAX_NS)
		ns = WAKE_MAX_NS;
	r->tx.wake_ns = r->tx.wake_ns ? (7 * r->tx.wake_ns + (int64_t)ns) / 8 : (int64_t)ns;
}

bool ring_all_taken(const struct tx *t)
{
	const struct ring *r = (const struct ring *)t;
	uint32_t taken = atomic_load_explicit(&r->out_dir->taken, memory_order_acquire);
	uint32_t last = r->head - 1;

	/* Memory that the peer gave back says nothing, but that he had it. */
	return taken == r->head ||
	    atomic_load_explicit(&r->out[last % RING_SLOTS].lap, memory_order_acquire) !=
	    ring_lap(last);
}

struct ring_hinted {
	void (*fn)(void *owner);
};

static void ring_hint(void *arg, void *owner)
{
	((const struct ring_hinted *)arg)->fn(owner);
}

static void ring_woken(struct tx *t, void (*hinted)(void *owner))
{
	struct ring_hinted h = { hinted };

	link_rang(((struct ring *)t)->link, true, ring_hint, &h);
}

static void ring_close(struct tx *t)
{
	struct ring *r = (struct ring *)t;

	link_leave(r->link, r->index);
	link_put(r->link);
	munmap(r->base, RING_HEAD + 4 * (size_t)r->bulk);
	free(r);
}

void ring_forget(struct tx *t)
{
	struct ring *r = (struct ring *)t;
	unsigned char *base = r->base;

	/* Slots first: who finds its slot as it was knows that its data is whole as well. */
	madvise(base + RING_PAGE, RING_HEAD - RING_PAGE, MADV_REMOVE);
	madvise(base + RING_HEAD + r->bulk, 2 * (size_t)r->bulk, MADV_REMOVE);
	if (r->hints_inside)
		link_forget(r->link);
	else
		madvise(base, RING_PAGE, MADV_REMOVE);
}

/*
 * head, bulk 0, bulk 0, bulk 1, bulk 1: each bulk area twice in a row. Three mappings, for
 * what lies in a row in the file and in memory is one. NULL: no memory.
 */
static void *ring_map(int fd, size_t bulk)
{
	size_t len = RING_HEAD + 4 * bulk;
	char *base = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const struct {
		size_t to, len, from;
	} maps[] = {
		{ 0, RING_HEAD + bulk, 0 },
		{ RING_HEAD + bulk, 2 * bulk, RING_HEAD },
		{ RING_HEAD + 3 * bulk, bulk, RING_HEAD + bulk },
	};

	if (base == MAP_FAILED)
		return NULL;
	for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (mmap(base + maps[i].to, maps[i].len, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, fd, (off_t)maps[i].from) == MAP_FAILED) {
			munmap(base, len);
			return NULL;
		}
	}
	return base;
}

/* Find one's half of everything. */
static void ring_halves(struct ring *r, int side)
{
	unsigned char *base = r->base;
	struct ring_ctl *ctl = r->base;
	struct ring_slot *slots = (struct ring_slot *)(base + RING_PAGE);

	r->out = slots + side * RING_SLOTS;
	r->from = slots + !side * RING_SLOTS;
	r->out_dir = &ctl->dir[side];
	r->in_dir = &ctl->dir[!side];
	r->out_bulk = base + RING_HEAD + side * 2 * (size_t)r->bulk;
	r->in_bulk = base + RING_HEAD + !side * 2 * (size_t)r->bulk;
	r->mine = &ctl->side[side];
	r->theirs = &ctl->side[!side];
}

struct tx *ring_new(int fd, uint32_t bulk, int side, struct link *l, unsigned index, void *owner)
{
	struct ring *r;

	if (bulk < RING_BULK_MIN || bulk > RING_BULK_MAX || (bulk & (bulk - 1)))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->base = ring_map(fd, bulk);
	if (!r->base || !link_enter(l, index, &r->tx, owner)) {
		if (r->base)
			munmap(r->base, RING_HEAD + 4 * (size_t)bulk);
		free(r);
		return NULL;
	}
	r->tx = (struct tx){ .ops = &ring_ops,
		.frame_max = bulk / 2,
		.fast = true,
		.fd = link_fd(l),
		.peer_cpu = UINT32_MAX };
	r->bulk = bulk;
	r->reserved = -1;
	r->link = link_get(l);
	r->index = index;
	r->hints_inside = link_lies_in(l, fd);
	ring_halves(r, side);
	return &r->tx;
}

static const struct tx_ops ring_ops = {
	.reserve = ring_reserve,
	.commit = ring_commit,
	.flush = ring_flush,
	.peek = ring_peek,
	.release = ring_release,
	.arm = ring_arm,
	.disarm = ring_disarm,
	.woken = ring_woken,
	.close = ring_close,
};
