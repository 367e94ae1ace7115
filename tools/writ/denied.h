/* SPDX-License-Identifier: MIT */
/* What seccomp and the eBPF layers refused (maps/denials of <writ/guard.h>), in words. */
#pragma once
#include <jansson.h>

#include "tools/writ/pinned.h"
#include "tools/writ/procs.h"

/* Who a row is of, as far as it is known. */
struct denied_who {
	const char *name, *realm;   /* "" and "?": not known */
	const Writ__Op__Proc *proc; /* or NULL */
};
struct denied_who denied_who(const struct denial *d, const struct procs *p);

/* Does it matter: not so where the C library asks, is told ENOSYS, and goes another way. */
bool denied_matters(const struct denial *d, const struct denied_who *who);

/* When it was the last time, by the clock, in ns. */
uint64_t denied_when(const struct denial *d);
/* What it was: "call ptrace", "connecting to an IPv4 address". Returns @buf. */
char *denied_what(const struct guard_denial_key *k, char *buf, size_t size);
/* Name of the layer, one of WRIT_LAYERS. */
const char *denied_layer(const struct guard_denial_key *k);
/* What would allow it, or that nothing does. Returns @buf. */
char *denied_fix(const struct denial *d, const struct denied_who *who, char *buf, size_t size);

/* Two lines or three for people; an object for programs, NULL when out of memory. */
void denied_print(const struct denial *d, const struct denied_who *who);
json_t *denied_json(const struct denial *d, const struct denied_who *who);

/* The row that says why proc @pid was killed; NULL: not by eBPF. */
const struct denial *denied_end(const struct denial *v, long n, uint32_t pid);
