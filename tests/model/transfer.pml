/* SPDX-License-Identifier: MIT */
/*
 * Revoke against all that is under way in the kernel: a queued message and the
 * capability in it, an opened session, a spawn that is not started yet, and the
 * death of any of those concerned. One owner of the tree handles requests,
 * deletes one descendant, or reaps, in any order: slices of any length, and any
 * number of requests between two of them.
 *
 * Proc A holds ROOT and revokes it. B has a copy, C has what it is given: by a
 * message or by a spawn. What is under way lies in slots of the kernel's own: the
 * message is a child of what it was sent through, the capability in it of what
 * was sent (the same one here), a session of what it was opened through, a
 * spawn's copy of the spawner's. A message or session is an object as well, and
 * lives until it is reaped.
 *
 * Ghosts say what came of ROOT, whatever the tree believes. Claimed: when revoke
 * has answered, nothing that came of ROOT exists in any slot, and no message or
 * session that came of it lives. A revoke whose capability went away, by
 * its holder's death for one, promises nothing; it must not claim anything.
 *
 * Each of these makes a broken kernel, which spin must refute:
 *   BAD_FLIGHT  the capability in a message is in no slot
 *   BAD_COPY    delivery copies from the sender's slot as it is by then
 *   BAD_QUEUE   a queued message is no child of what it was sent through
 *   BAD_SPAWN   a pending spawn's copy is no child of the spawner's
 *   BAD_REAP    revoke answers before it has reaped
 *   BAD_DEATH   a revoke is answered as done when its holder died
 */
#define ROOT    0
#define B       1
#define C       2
#define QUEUED  3
#define FLIGHT  4
#define PENDING 5
#define SESSION 6
#define SLOTS   7
#define TOP     7       /* parent of the roots */
#define EMPTY   8

#define MESSAGES 0      /* objects that live until they are reaped */
#define SESSIONS 1
#define SPAWNS   2

byte parent[SLOTS];
bit came[SLOTS];        /* ghost: derived from what lay in ROOT at the start */
bit lives[3], of_root[3];       /* objects; ghost: came of ROOT */
bit gone;               /* the capability that was in ROOT at the start */
bit b_dies, c_dies;     /* their slots are emptied when they are reaped */
bit revoking, answered;
byte i, from, sent;
bit sent_came;          /* what a broken kernel remembers of a message */

#define full(s) (parent[s] != EMPTY)

/* Its children become its parent's. */
inline empty_slot(s)
{
	i = 0;
	do
	:: i < SLOTS ->
		if
		:: parent[i] == s -> parent[i] = parent[s]
		:: else
		fi;
		i++
	:: else -> break
	od;
	parent[s] = EMPTY;
	came[s] = 0;
	if
	:: s == ROOT -> gone = 1
	:: else
	fi;
	i = 0
}

inline drop(s)
{
	if
	:: full(s) -> empty_slot(s)
	:: else
	fi
}

inline derive(src, dst, below)
{
	parent[dst] = below;
	came[dst] = came[src] || (src == ROOT && !gone)
}

inline move_slot(src, dst)
{
	parent[dst] = parent[src];
	came[dst] = came[src];
	i = 0;
	do
	:: i < SLOTS ->
		if
		:: parent[i] == src -> parent[i] = dst
		:: else
		fi;
		i++
	:: else -> break
	od;
	parent[src] = EMPTY;
	came[src] = 0;
	i = 0
}

inline make(object, src)
{
	lives[object] = 1;
	of_root[object] = came[src] || (src == ROOT && !gone)
}

inline unmake(object)
{
	lives[object] = 0;
	of_root[object] = 0
}

inline send(src)
{
#ifdef BAD_QUEUE
	derive(src, QUEUED, TOP); came[QUEUED] = 0;
#else
	derive(src, QUEUED, src);
#endif
	make(MESSAGES, src);
#if defined(BAD_FLIGHT) || defined(BAD_COPY)
	sent = src; sent_came = came[src] || (src == ROOT && !gone)
#else
	derive(src, FLIGHT, src)
#endif
}

inline receive(dst)
{
#ifdef BAD_FLIGHT
	parent[dst] = TOP; came[dst] = sent_came; sent_came = 0; sent = 0;
#else
#ifdef BAD_COPY
	if
	:: full(sent) -> parent[dst] = sent
	:: else -> parent[dst] = TOP
	fi;
	came[dst] = sent_came; sent_came = 0; sent = 0;
#else
	if
	:: full(FLIGHT) -> move_slot(FLIGHT, dst)
	:: else                 /* revoked on the way: the message comes without it */
	fi;
#endif
#endif
	drop(QUEUED);
	unmake(MESSAGES)
}

inline open_session(src)
{
	derive(src, SESSION, src);
	make(SESSIONS, src)
}

inline spawn(src)
{
#ifdef BAD_SPAWN
	derive(src, PENDING, TOP);
#else
	derive(src, PENDING, src);
#endif
	make(SPAWNS, src)
}

inline nothing_left()
{
	do
	:: i < SLOTS -> assert(!came[i]); i++
	:: else -> i = 0; break
	od;
	assert(!(lives[MESSAGES] && of_root[MESSAGES]));
	assert(!(lives[SESSIONS] && of_root[SESSIONS]))
}

#define dead(object, slot) (lives[object] && !full(slot))
#define reaped (!dead(MESSAGES, QUEUED) && !dead(SESSIONS, SESSION) && !b_dies && !c_dies)

/* One request: of A about ROOT, of B about its slot, of C about its own. */
inline request()
{
	if
	:: full(ROOT) -> from = ROOT
	:: full(B) && !b_dies -> from = B
	:: full(C) && !c_dies -> from = C
	:: else -> from = EMPTY
	fi;
	if
	:: from != EMPTY ->
		if
		:: !full(QUEUED) && !lives[MESSAGES] -> d_step { send(from) }
		:: !full(SESSION) && !lives[SESSIONS] -> d_step { open_session(from) }
		:: !full(PENDING) && !lives[SPAWNS] -> d_step { spawn(from) }
		:: !full(B) && !b_dies -> d_step { derive(from, B, from) }
		:: d_step { empty_slot(from) }          /* deletes it */
		:: full(SESSION) -> d_step { empty_slot(SESSION); unmake(SESSIONS) }
		:: true
		fi
	:: else
	fi;
	from = 0
}

/* What no request of these brings about. */
inline event()
{
	if
	:: full(QUEUED) && !full(C) && !c_dies -> d_step { receive(C) }
	:: full(QUEUED) && !full(B) && !b_dies -> d_step { receive(B) }
	:: lives[SPAWNS] && full(PENDING) && !full(C) && !c_dies ->     /* C is started */
		d_step { move_slot(PENDING, C); unmake(SPAWNS) }
	:: lives[SPAWNS] -> d_step { drop(PENDING); unmake(SPAWNS) }    /* given up */
	:: full(B) -> b_dies = 1
	:: full(C) -> c_dies = 1
	:: full(ROOT) ->                                                /* A dies */
		d_step { empty_slot(ROOT) }
	:: true
	fi
}

inline reap()
{
	if
	:: dead(MESSAGES, QUEUED) ->
		d_step { drop(FLIGHT); sent = 0; sent_came = 0; unmake(MESSAGES) }
	:: dead(SESSIONS, SESSION) -> unmake(SESSIONS)
	:: b_dies -> d_step { drop(B); b_dies = 0 }
	:: c_dies -> d_step { drop(C); c_dies = 0 }
	:: else
	fi
}

/* Delete the first child of ROOT, or answer. */
inline slice()
{
	do
	:: i < SLOTS && parent[i] != ROOT -> i++
	:: else -> break
	od;
	if
	:: gone ->
		i = 0; revoking = 0;            /* STALE */
#ifdef BAD_DEATH
		answered = 1; nothing_left()
#endif
	:: !gone && i < SLOTS -> from = i; i = 0; empty_slot(from); from = 0
#ifdef BAD_REAP
	:: !gone && i == SLOTS ->
#else
	:: !gone && i == SLOTS && !reaped -> i = 0
	:: !gone && i == SLOTS && reaped ->
#endif
		i = 0; revoking = 0; answered = 1; nothing_left()
	fi
}

active proctype kernel()
{
	d_step {
		do
		:: i < SLOTS -> parent[i] = EMPTY; i++
		:: else -> i = 0; break
		od;
		parent[ROOT] = TOP;
		parent[B] = ROOT; came[B] = 1
	}
	do
	:: atomic { !answered -> request() }
	:: atomic { !answered -> event() }
	:: atomic { !answered && !reaped -> reap() }
	:: atomic { !answered && !revoking && full(ROOT) && !gone -> revoking = 1 }
	:: atomic { revoking -> d_step { slice() } }
	:: answered -> break            /* what comes later is a new grant */
	od;
end:	true
}
