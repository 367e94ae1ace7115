/* SPDX-License-Identifier: MIT */
/*
 * A ring (libsys/ring.c, link.c): one who sends, one who takes, on memory that is weaker
 * than any machine's that it runs on. Each has a buffer of stores that others don't see
 * yet. They leave it in any order, but for those with release, which leave after all
 * that were there before. A fence, an exchange and a system call wait until it is drained.
 * (Loads are not reordered: the machine's acquire is what keeps them.)
 *
 * Two slots, so that they are used again; whoever takes tells when he has taken both, or
 * finds nothing more. He may spin, or sleep; who sends may cork, and sleeps when there is
 * no room. A second ring of the same link rings once, at any time: who takes only
 * looks at rings that have their hint set.
 *
 * Claimed: all messages are taken, whole and in order, and nobody sleeps for ever: an
 * end in which one of them still waits is an error to spin.
 *
 * Each of these makes a broken ring, which spin must refute:
 *   BAD_ORDER   a slot is published without release
 *   BAD_PUT     no fence between publishing and the look at `watch`
 *   BAD_FLUSH   no fence in flush()
 *   BAD_ARM     no fence between setting `watch` and the look at the slot
 *   BAD_LOOK    no look at the slot after setting `watch`
 *   BAD_TELL    told as taken before it was read
 *   BAD_STARVE  whoever takes looks at `starved` only when he tells
 *   BAD_ROOM    no fence between setting `starved` and the look for room
 *   BAD_CORK    asleep for room with what was corked still unflushed
 *   BAD_HINT    the bell is rung before the hint is set
 *   BAD_BELL    the hints are taken before the bell is cleared
 */
#define N      5 /* messages */
#define SLOTS  2
#define BUFFER 3

#define SENDS 0 /* processes */
#define TAKES 1

/* Words of memory. */
#define DATA    0 /* and 1 */
#define LAP     2 /* and 3 */
#define TAIL    4
#define WATCH   5
#define STARVED 6
#define WORDS   7

byte mem[WORDS];
byte hint[2], bell[2]; /* for whom; only changed by exchange and system calls */

byte at[6], val[6]; /* the buffers: of SENDS 0 to 2, of TAKES 3 to 5 */
bit rel[6];
byte kept[2];

#define B(p, i) ((p) * BUFFER + (i))

/* What process p sees: its own newest store, or the memory. */
#define sees(p, a) \
	(kept[p] > 2 && at[B(p, 2)] == (a) -> val[B(p, 2)] : \
	(kept[p] > 1 && at[B(p, 1)] == (a) -> val[B(p, 1)] : \
	(kept[p] > 0 && at[B(p, 0)] == (a) -> val[B(p, 0)] : mem[a])))

#define drained(p) (kept[p] == 0)

inline store(p, a, v, release)
{
	atomic {
		kept[p] < BUFFER ->
		at[B(p, kept[p])] = a;
		val[B(p, kept[p])] = v;
		rel[B(p, kept[p])] = release;
		kept[p]++
	}
}

/* Entry i of the buffer leaves it. */
#define leaves(p, i) \
	d_step { \
		mem[at[B(p, i)]] = val[B(p, i)]; \
		kept[p]--; \
		if \
		:: (i) < 1 -> \
			at[B(p, 0)] = at[B(p, 1)]; val[B(p, 0)] = val[B(p, 1)]; \
			rel[B(p, 0)] = rel[B(p, 1)] \
		:: else \
		fi; \
		if \
		:: (i) < 2 -> \
			at[B(p, 1)] = at[B(p, 2)]; val[B(p, 1)] = val[B(p, 2)]; \
			rel[B(p, 1)] = rel[B(p, 2)] \
		:: else \
		fi; \
		at[B(p, 2)] = 0; val[B(p, 2)] = 0; rel[B(p, 2)] = 0; \
		if \
		:: kept[p] < 2 -> at[B(p, 1)] = 0; val[B(p, 1)] = 0; rel[B(p, 1)] = 0 \
		:: else \
		fi; \
		if \
		:: kept[p] < 1 -> at[B(p, 0)] = 0; val[B(p, 0)] = 0; rel[B(p, 0)] = 0 \
		:: else \
		fi \
	}

#define same(p, i, j) (at[B(p, i)] == at[B(p, j)])

active [2] proctype Buffer()
{
end:
	do
	:: kept[_pid] > 0 -> leaves(_pid, 0)
	:: kept[_pid] > 1 && !rel[B(_pid, 1)] && !same(_pid, 0, 1) -> leaves(_pid, 1)
	:: kept[_pid] > 2 && !rel[B(_pid, 2)] && !same(_pid, 0, 2) && !same(_pid, 1, 2) ->
		leaves(_pid, 2)
	od
}

/* p rings whom: hint `bits`, and the bell if no hint was set. */
inline ring(p, whom, bits)
{
	drained(p);
#ifdef BAD_HINT
	atomic {
		if
		:: hint[whom] == 0 -> bell[whom] = 1
		:: else
		fi
	}
	atomic { hint[whom] = hint[whom] | bits }
#else
	atomic {
		old = hint[whom];
		hint[whom] = hint[whom] | bits
	}
	if
	:: old == 0 -> bell[whom] = 1
	:: else
	fi;
	old = 0
#endif
}

/* If `word` is set, take it, and ring. */
inline answer(p, word, whom)
{
	if
	:: sees(p, word) == 1 ->
		atomic {
			drained(p) ->
			old = mem[word];
			mem[word] = 0
		}
		if
		:: old == 1 -> ring(p, whom, 1)
		:: else
		fi;
		old = 0
	:: else
	fi
}

/* Sleep until the bell rings; `got` are the hints. */
inline sleep(p)
{
#ifdef BAD_BELL
	atomic { bell[p] == 1 && drained(p) -> got = hint[p]; hint[p] = 0 }
	bell[p] = 0
#else
	atomic { bell[p] == 1 && drained(p) -> bell[p] = 0 }
	atomic { got = hint[p]; hint[p] = 0 }
#endif
}

#define lap_of(k) ((k) / SLOTS + 1)

byte taken;  /* ghosts */
bit second;  /* the other ring was looked at */

inline flush()
{
	if
	:: corked ->
		corked = 0;
#ifndef BAD_FLUSH
		drained(SENDS);
#endif
		answer(SENDS, WATCH, TAKES)
	:: else
	fi
}

inline wait_for_room()
{
	do
	:: head - free < SLOTS -> break
	:: else ->
		free = sees(SENDS, TAIL);
		if
		:: head - free < SLOTS -> break
		:: else
		fi;
#ifndef BAD_CORK
		flush();
#endif
		store(SENDS, STARVED, 1, 0);
#ifndef BAD_ROOM
		drained(SENDS);
#endif
		free = sees(SENDS, TAIL);
		if
		:: head - free < SLOTS
		:: else -> sleep(SENDS)
		fi;
		got = 0;
		store(SENDS, STARVED, 0, 0)
	od
}

inline put()
{
	store(SENDS, DATA + head % SLOTS, head + 1, 0);
	if
	:: /* corked */
#ifdef BAD_ORDER
		store(SENDS, LAP + head % SLOTS, lap_of(head), 0);
#else
		store(SENDS, LAP + head % SLOTS, lap_of(head), 1);
#endif
		corked = 1
	:: !corked ->
#ifdef BAD_PUT
		store(SENDS, LAP + head % SLOTS, lap_of(head), 1);
#else
		atomic { drained(SENDS) -> mem[LAP + head % SLOTS] = lap_of(head) }
#endif
		answer(SENDS, WATCH, TAKES)
	fi;
	head++
}

active proctype Sends()
{
	byte head, free, old, got;
	bit corked, rang;

	do
	:: head < N ->
		wait_for_room();
		put()
	:: head == N -> break
	:: corked -> flush()
	:: !rang -> rang = 1; ring(SENDS, TAKES, 2)
	od;
	flush();
	if
	:: !rang -> rang = 1; ring(SENDS, TAKES, 2)
	:: else
	fi
}

inline tell()
{
	if
	:: told != tail -> told = tail; store(TAKES, TAIL, tail, 1)
	:: else
	fi
}

#define ready (sees(TAKES, LAP + tail % SLOTS) == lap_of(tail))

inline take()
{
#ifdef BAD_TELL
	store(TAKES, TAIL, tail + 1, 1);
#endif
	assert(sees(TAKES, DATA + tail % SLOTS) == tail + 1);
	/* It is read for a while. */
	assert(sees(TAKES, DATA + tail % SLOTS) == tail + 1);
	assert(sees(TAKES, LAP + tail % SLOTS) == lap_of(tail));
	tail++;
	taken = tail;
	if
	:: tail - told == SLOTS ->
		tell();
		answer(TAKES, STARVED, SENDS)
	:: else
	fi
}

/* Until this ring has its hint set. */
inline wait_for_hint()
{
	do
	:: got & 1 -> break
	:: else ->
endwait:
		sleep(TAKES);
		if
		:: got & 2 -> second = 1
		:: else
		fi
	od;
	got = 0
}

active proctype Takes()
{
	byte tail, told, old, got;

	do
	:: ready -> take()
	:: else ->
		tell();
#ifndef BAD_STARVE
		answer(TAKES, STARVED, SENDS);
#endif
		if
		:: skip -> /* spins: looks again and again, at both */
endspin:
			(ready || sees(TAKES, STARVED) == 1)
		:: skip -> /* sleeps */
			store(TAKES, WATCH, 1, 0);
#ifndef BAD_ARM
			drained(TAKES);
#endif
#ifndef BAD_STARVE
			answer(TAKES, STARVED, SENDS);
#endif
			if
#ifndef BAD_LOOK
			:: ready
#endif
			:: else -> wait_for_hint()
			fi;
			store(TAKES, WATCH, 0, 0)
		fi
	od
}

/* When nothing moves any more, all has come. */
active proctype End()
{
	timeout ->
	assert(taken == N);
	assert(second || (bell[TAKES] && hint[TAKES] & 2))
}
