/* SPDX-License-Identifier: MIT */
/*
 * The peers of messages: two plain processes without Writ, on the CPUs of
 * one's choice, that do the least one can do for the same result. They sleep
 * between their turns.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum raw_kind {
	RAW_SPIN,    /* @size bytes and a flag each way through shared memory, spinning */
	RAW_EVENTFD, /* the same, and an eventfd to sleep on */
	RAW_FUTEX,   /* the same with a futex */
	RAW_SEQPACKET,
	RAW_STREAM, /* of AF_UNIX */
	RAW_NNG,    /* req and rep of nng over ipc */
	RAW_RING,   /* one way: @batch messages of 64 bytes through a ring as rigtorp's SPSCQueue */
	RAW_MEMCPY, /* alone: @batch copies of @size bytes, between @spread pairs of buffers */
	RAW_GETPPID /* alone */
};

struct raw_spec {
	enum raw_kind kind;
	int cpu[2]; /* -1: any */
	size_t size;
	unsigned pause_us; /* before each round, the other asleep */
	unsigned batch, spread;
};

struct raw;

/* Start the pair. NULL: said on stderr. */
struct raw *raw_new(const struct raw_spec *spec);
/* Have it do @n rounds, at most RAW_TURN, and say how long each took. Returns 0 or -1. */
int raw_turn(struct raw *r, unsigned n, int64_t *ns);
void raw_free(struct raw *r);
enum { RAW_TURN = 4096 };

/* Have the process @pid (0: oneself) run on CPU @cpu (-1: leave it). Returns 0 or -1, said. */
int raw_pin(int pid, int cpu);
