/* SPDX-License-Identifier: MIT */
/*
 * Revoke against transfer of a capability in a message and against opening a
 * session, as the kernel does them: one owner of the tree, which takes up to
 * EVENTS requests and then does one slice (SLICE deletions) of a revoke. A
 * capability in a message, and one that a session was opened with, lie in slots
 * of the kernel's own, as children of what they were sent or opened with.
 *
 * Slot ROOT is what proc A revokes. Ghosts say what came of it, whatever the
 * tree believes. Claimed: when revoke has answered, nothing that came of ROOT
 * exists, in any slot, message or session; and (ltl ends) it does answer.
 *
 * What the procs do is any request about any slot of their own; one that waits
 * in a gate is the same as one that is made later.
 *
 * Each of these makes a broken kernel, which spin must refute:
 *   BAD_FLIGHT   a message holds a capability that is not in the tree
 *   BAD_SESSION  a session holds one
 *   BAD_SLOT     a slice takes the slot by its number, without its generation
 *   BAD_PACE     more can be derived between two slices than one slice takes
 */
#ifdef BAD_PACE
#define SLICE 1
#define EVENTS 2
#else
#define SLICE 2
#define EVENTS 1
#endif

/* Proc A: 0 (ROOT), 1. Proc B: 2, 3. Proc C: 4. The kernel: 5 a message, 6 a session. */
#define ROOT    0
#define MESSAGE 5
#define SESSION 6
#define SLOTS   7
#define TOP     7       /* parent of the roots */
#define EMPTY   8

mtype = { copy, move, delete, send, receive, open, close };

byte parent[SLOTS];
bit came[SLOTS];        /* ghost: derived from what lay in ROOT at the start */
bit gen;                /* of slot ROOT: has its capability gone? */
bit revoking, answered, stale;
byte i, left, handled, src, dst;
mtype op;

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
	:: s == ROOT -> gen = 1
	:: else
	fi
}

inline derive(from, to)
{
	if
	:: full(from) && !full(to) ->
		parent[to] = from;
		came[to] = came[from] || (from == ROOT && !gen)
	:: else
	fi
}

inline move_slot(from, to)
{
	if
	:: full(from) && !full(to) ->
		parent[to] = parent[from];
		came[to] = came[from];
		i = 0;
		do
		:: i < SLOTS ->
			if
			:: parent[i] == from -> parent[i] = to
			:: else
			fi;
			i++
		:: else -> break
		od;
		parent[from] = EMPTY;
		came[from] = 0;
		if
		:: from == ROOT -> gen = 1
		:: else
		fi
	:: else
	fi
}

/* A capability that the kernel keeps for a message or a session: what is broken lies outside. */
inline derive_outside(from, to)
{
	if
	:: full(from) && !full(to) ->
		parent[to] = TOP;
		came[to] = came[from] || (from == ROOT && !gen)
	:: else
	fi
}

inline handle()
{
	if
	:: op == copy -> derive(src, dst)
	:: op == move -> move_slot(src, dst)
	:: op == delete ->
		if
		:: full(src) -> empty_slot(src)
		:: else
		fi
#ifdef BAD_FLIGHT
	:: op == send -> derive_outside(src, MESSAGE)
#else
	:: op == send -> derive(src, MESSAGE)
#endif
	:: op == receive -> move_slot(MESSAGE, dst)
#ifdef BAD_SESSION
	:: op == open -> derive_outside(src, SESSION)
#else
	:: op == open -> derive(src, SESSION)
#endif
	:: op == close ->
		if
		:: full(SESSION) -> empty_slot(SESSION)
		:: else
		fi
	fi;
	op = copy; src = 0; dst = 0; i = 0
}

inline nothing_left()
{
	i = 0;
	do
	:: i < SLOTS -> assert(!came[i]); i++
	:: else -> i = 0; break
	od
}

/* Some child of ROOT; deleting it hands up its own. */
inline find_child()
{
	i = 0;
	do
	:: i < SLOTS && parent[i] != ROOT -> i++
	:: else -> break
	od;
	src = i
}

inline slice()
{
	left = SLICE;
#ifndef BAD_SLOT
	stale = gen;
#endif
	do
	:: stale -> break
	:: else ->
		find_child();
		if
		:: src == SLOTS || left == 0 -> break
		:: else -> empty_slot(src); left--
		fi
	od;
	if
	:: stale -> revoking = 0        /* it answers STALE, which promises nothing */
	:: !stale && src == SLOTS -> revoking = 0; answered = 1; nothing_left()
	:: else
	fi;
	left = 0; src = 0; i = 0
}

/* A request from any proc, about any slots that it can name. */
inline any_request()
{
	if
	:: src = 0; dst = 1
	:: src = 1; dst = 0
	:: src = 2; dst = 3
	:: src = 3; dst = 2
	:: src = 4; dst = 4
	fi;
	if
	:: op = copy
	:: op = move
	:: op = delete
	:: op = send
	:: op = receive
	:: op = open
	:: op = close
	fi
}

active proctype kernel()
{
	atomic {
		i = 0;
		do
		:: i < SLOTS -> parent[i] = EMPTY; i++
		:: else -> break
		od;
		i = 0;
		parent[ROOT] = TOP;
		parent[2] = ROOT; came[2] = 1;  /* B and C were each given a copy */
		parent[4] = 2; came[4] = 1
	}
	do
	:: atomic {
		/* the events of one turn of the loop, and then a slice */
		handled < EVENTS ->
		if
		:: any_request(); d_step { handle() }
		:: true                        /* none came */
		fi;
		handled++
	   }
	:: atomic {
		handled == EVENTS ->
		handled = 0;
		if
		:: revoking -> d_step { slice() }
		:: !revoking && !answered && !stale && full(ROOT) && !gen -> revoking = 1
		:: !revoking                   /* not now, or not again */
		fi;
		if
		:: answered && !gen -> break   /* seen: what comes later is a new grant */
		:: else
		fi
	   }
	od;
end:	true
}

ltl ends { [] (revoking -> <> !revoking) }
