/* SPDX-License-Identifier: MIT */
/* The node's procs as root lists them, and what this host's /proc says of them. */
#pragma once
#include "tools/writ/client.h"

struct procs {
	struct pages pages;
	Writ__Op__Proc **v;
	size_t n;
};

/* All procs of @realm ("": of the node), ended ones too as long as they are kept. */
int procs_load(struct cli *c, struct client *cl, const char *realm, struct procs *p);
void procs_free(struct procs *p);

/* The proc with that pid, or NULL. */
const Writ__Op__Proc *procs_find(const struct procs *p, uint32_t pid);

/* Is @who its pid, its name or its realm's? */
bool proc_is(const Writ__Op__Proc *p, const char *who);

/* Does any match @who? Returns 0, or EX_NOINPUT with the error. */
int procs_need(struct cli *c, const struct procs *p, const char *who);

bool proc_ended(const Writ__Op__Proc *p);

/* What a shell would give as its status: its code, 128 + signal, 126 when it never ran; 0 while it
 * lives. */
int proc_status(const Writ__Op__Proc *p);

/* "running", "exited 3", "killed KILL", "failed ENOEXEC". Returns @buf. */
char *proc_fate(const Writ__Op__Proc *p, char *buf, size_t size);

/* Memory (bytes resident; of an ended proc its peak) and CPU time (ns); 0 where unknown. */
void proc_usage(const Writ__Op__Proc *p, uint64_t *ret_memory, uint64_t *ret_cpu_ns);

/* Nanoseconds that it has lived. */
uint64_t proc_age(const Writ__Op__Proc *p);
