/* SPDX-License-Identifier: MIT */
/*
 * Procs: start others through a Spawn capability, wait for them, end them; say
 * of oneself that one has started or how one ends. Names follow SigmaOS's
 * (spawn, wait_start, wait_exit, started, exited), minus its defect that an
 * exited parent abandons its children: they end with it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <writ/abi.h>

/* What a new proc is given. Exactly one of path, image, spawn, cap is set. */
struct writ_give {
	const char *path;  /* where in one's own namespace … */
	const char *as;    /* … and where in the child's (NULL: the same; else as named) */
	const char *image; /* name of an Image that one holds */
	const char *spawn; /* name of a Spawn that one holds */
	uint32_t cap;      /* any capability, by slot; `as` names it */
	uint32_t rights;   /* of a path: a part of one's own */
};

struct writ_spawn {
	const char *image;       /* name of an Image that one holds */
	const char *name;        /* for ps and logs; NULL: the image's name */
	const char *const *argv; /* NULL-terminated, without argv[0]; NULL: none */
	const struct writ_give *give;
	unsigned ngive;
	const char *from;        /* name of the Spawn to use; NULL: the first one */
	unsigned class, profile; /* enum writ_class, enum writ_profile; 0: best effort, native */
	uint32_t cores;          /* millicores */
	uint64_t memory;         /* bytes; 0: 64 MiB */
	uint64_t log_max;        /* bytes; 0: 16 MiB */
	unsigned slots;          /* size of its CSpace; 0: 64 */
	uint32_t flags;          /* WRIT_SPAWN_... */
};

struct writ_exit {
	uint32_t state; /* enum writ_state */
	int32_t code;   /* EXITED: exit code; KILLED: signal; FAILED: errno */
	uint64_t cpu_ns, rss_max;
	size_t len;
	char said[WRIT_STATUS_MAX + 1]; /* what it gave to writ_exited(), NUL-terminated */
};

/*
 * Start a proc. Doesn't wait for it to run. Returns its slot: the Proc
 * capability, by which it is waited for and ended; when it is deleted
 * (writ_slot_free()), the proc ends. Errors: NO_PATH, NO_RIGHT (name of what is
 * missing in the audit), NOT_ENOUGH_MEMORY (a limit of the Spawn or the realm),
 * INVALID_ARGUMENT (no such image, no Spawn).
 */
int64_t writ_spawn(const struct writ_spawn *s);
/* The pid of a proc just spawned, as `writ ps` shows it; 0 when @proc is none. */
uint32_t writ_pid(uint32_t proc);
/* Block until it has called writ_started() or exited. KILLED, EXEC_FAILED: it ended so before. */
int writ_wait_start(uint32_t proc);
/* Block until it has ended. 0 whatever way it ended; *ret says how. The slot stays. */
int writ_wait_exit(uint32_t proc, struct writ_exit *ret);
int writ_kill(uint32_t proc);

/* Of oneself. exited() leaves: doesn't return. @said may be NULL. */
int writ_started(void);
_Noreturn void writ_exited(int code, const void *said, size_t len);
