/* SPDX-License-Identifier: MIT */
/*
 * The suite's own node: its servers are taken over like all else, a realm of hostile
 * procs works against a bystander's and a tenant's. Nothing of it is left afterwards.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* A row of `writ ps'. */
struct node_proc {
	uint32_t pid, log;
	pid_t host_pid;
	unsigned profile;
	char name[32], realm[32], state[16];
	int code;
};

/* Start it, its files in @dir, with a bystander at work. The suite fails when it can't. */
void node_up(const char *dir);
/* End it; what is left of it fails a case. */
void node_down(void);
/* The same whatever has become of it, of the suite as well; says nothing. */
void node_end(void);
bool node_runs(void);

/* Run writ with these arguments, NULL behind them, one command at a time; what it says is the
 * stream. */
FILE *node_operate(const char *word, ...) __attribute__((sentinel));
/* Close that. Whether the command ended well. */
bool node_operated(FILE *p);

pid_t node_kernel(void);
/* The proc named so in @realm (NULL: any) that has not ended, else the last that has. */
bool node_find(const char *realm, const char *name, struct node_proc *ret);
/* The same, waiting until it has a process of the host's other than @not. */
bool node_await(const char *realm, const char *name, pid_t not, struct node_proc *ret);

/* A realm of one proc: @image with @args (YAML) and more of its manifest. */
bool node_run(const char *realm, const char *image, const char *args, const char *more);
void node_stop(const char *realm);

/* The text of a proc's log, the newest 128 KiB; static storage. */
const char *node_log(const struct node_proc *p);

/* Watch the bystander from now on; how it fared until then. */
void watch_begin(void);
struct watch {
	unsigned rounds, lost;
	double worst_ms;
};
struct watch watch_end(void);

/* --- the parts (hostile.c, servers.c) --- */
/* Take each of the node's servers over; @all runs what is run in each. */
struct subject;
void run_servers(void (*all)(struct subject *s));
/* They guess capabilities and die; with root the node ends. */
void end_servers(void);
/* One realm against the others. */
void run_hostile(void);
/* Adversaries that Writ has not written; in @folder there are Linux's selftests and the shim. */
void run_adversaries(const char *folder);
void end_adversaries(void);
/* The tenant's image. */
void run_tenant(unsigned profile, void (*all)(struct subject *s));
/* Before all else: read that. Returns 0, or an exit code, said on stderr. */
int tenant_read(const char *image);
