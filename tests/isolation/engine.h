/* SPDX-License-Identifier: MIT */
/*
 * writ-isolation: what a process that has been taken over can do, tried case by
 * case inside real ones (puppet.h), and from outside. A case is an attempt that must
 * get nothing, and the same attempt where the layers that stop it are left out, which
 * must get something: else the case would show nothing, and has failed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tests/isolation/harness.h"
#include "tests/isolation/puppet.h"
#include "tests/isolation/survey.h"

/* Where attempts are made. */
struct subject {
	const char *name; /* in the results */
	enum { SUBJECT_NEST, SUBJECT_NODE, SUBJECT_BARE } kind;
	unsigned profile; /* enum writ_profile */
	struct survey_want want;
	pid_t pid; /* on the host */
	struct puppet puppet;
	struct nest nest;   /* SUBJECT_NEST */
	struct probe probe; /* of it */
	bool changed;       /* by what got through: the next attempt needs a fresh one */
	bool (*renew)(struct subject *s); /* after its death; NULL: can't be */
};

/* What came of an attempt. */
struct finding {
	unsigned tried, through;
	char text[160]; /* the first that got through, else by which errors they were refused */
	struct {
		int error;
		unsigned n;
	} refused[8];
};

struct icase {
	const char *name;
	const char *layers;  /* which stop it */
	const char *without; /* the control leaves out these steps; BARE: all of it */
	void (*attempt)(struct subject *s, const struct icase *c, struct finding *f);
	const void *arg;
	unsigned profiles; /* a bit each; 0: all */
	unsigned flags;
};
/* Control: a plain process of root's, outside of everything. */
#define BARE "everything"
enum {
	CASE_BREAKS = 1, /* the control's subject isn't fit for others afterwards */
	CASE_ANSWERED =
	    2, /* as control it will do that Linux itself answers, with whatever error */
	CASE_NEST_ONLY = 4, /* can't be tried in a process that others need */
};

/* Count the answer @ret of one try; it got through if @ret is >= 0 or -@reached (0: no such). */
void finding_note(struct finding *f, const char *what, int64_t ret, int reached);

/* --- subjects (subject.c) --- */
/* A probe in a nest with @profile, without these steps (NULL: all are there). */
struct subject subject_nest(unsigned profile, const char *without);
/* The same with another image. */
struct subject subject_image(unsigned profile, int image);
/* A plain process of root's, in a mount and an ipc namespace of its own so that what it does stays
 * there. */
struct subject subject_bare(void);
/* Process @pid of a node. Returns 0 or -errno. */
int subject_adopt(struct subject *s, const char *name, unsigned profile, pid_t pid);
/* Let go of it; a nest's or a bare one ends. */
void subject_free(struct subject *s);
/* A call in it. When it dies of that: -ECANCELED. */
int64_t subject_call(struct subject *s, uint32_t nr, const uint64_t arg[6]);
#define CALL(s, nr, ...) subject_call((s), (nr), (const uint64_t[6]){ __VA_ARGS__ })

/* A process of the suite's own beside all subjects, that waits: a neighbour to be attacked. */
pid_t subject_peer(void);
/* Attempts are to be made at @pid instead; 0: at the suite's own again. */
void subject_peer_set(pid_t pid);

/* --- cases --- */
extern const struct icase call_cases[], view_cases[];
extern const unsigned ncall_cases, nview_cases;
/* Those that are calls with certain arguments, and files of this machine. Returns how many. */
unsigned way_cases(struct icase *ret, unsigned max);
/* What /proc has of process @pid. Returns how many; they are good until the next call. */
unsigned proc_cases(struct icase *ret, unsigned max, pid_t pid);

/* Sockets that are the suite's own, to be reached by who shouldn't. */
void sockets_open(const char *dir);

/* --- running (engine.c) --- */
/* Run the cases that are for it. */
void engine_run(struct subject *s, const struct icase *cases, unsigned n);
/* Those cases that are against a neighbour, and what /proc has of it: of process @pid. */
void engine_run_neighbour(struct subject *s, pid_t pid);
/* Where random choices begin: WRIT_SEED, else drawn; printed. */
uint64_t engine_seed(void);
/* One case whose outcome is known. */
void engine_say(const char *suite, const char *name, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- results (report.c) --- */
void report_case(const char *suite, const char *name, bool ok, double secs, const char *text);
/* Can JUnit XML be written to @junit? 0, or -1 when it has been said why not. */
int report_begin(const char *junit);
/* End: the plan, and JUnit XML in @junit (NULL: none). Returns how many failed, -1 when it can't
 * be written. */
int report_end(const char *junit);
