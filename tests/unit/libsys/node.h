/* SPDX-License-Identifier: MIT */
/* A small kernel for tests: sessions, calls, rings; no rights. One server, a few clients. */
#pragma once
#include <writ/abi.h>
#include <stdbool.h>
#include <sys/types.h>

#define PROCS    8
#define SESSIONS 128

/* procs[0] is the server. */
struct node {
	struct {
		int gate;
		pid_t pid;
		bool alive;
		int status;
	} procs[PROCS];
	unsigned nprocs;
	struct {
		unsigned client;
		bool open;
	} sessions[SESSIONS];
	unsigned nsessions, notes, server_lives, oldest, newest; /* the last two: of its calls */
	char noted[WRIT_PREFIX_MAX];
	int (*server)(void *arg);
	bool ready;
};
extern struct node node;

/* Start the server, and wait until it is ready; it is started again when it dies, twice. */
void node_start(int (*server)(void *));
/* Kill it; all clients must have exited with 0. */
void node_stop(void);
/* A client with Paths: "/all" (slot 1) has all rights, "/new/d" (slot 2) may create only. */
void client_start(int (*fn)(void *));
/* Serve all gates until no client is left (or, with @ready, until the server has started). */
void kernel_run(bool ready);
/* In a client: take over the gate. */
void adopt(void);
