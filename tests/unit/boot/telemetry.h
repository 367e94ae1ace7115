/* SPDX-License-Identifier: MIT */
/* Telemetry without a node: its programs loaded for a test or a benchmark, which says
 * itself which processes are managed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "tools/boot/bpf/sched.h"

struct telemetry;

/* Load the programs; they count from telemetry_on() to telemetry_off(). NULL, errno set. */
struct telemetry *telemetry_new(void);
void telemetry_free(struct telemetry *t);
int telemetry_on(struct telemetry *t);
/* Count calls by number too, till telemetry_off(). 0 or -1. */
int telemetry_calls(struct telemetry *t);
void telemetry_off(struct telemetry *t);

/* Say who process @host is. It and what it forks is managed from now on. 0 or -1. */
int telemetry_manage(struct telemetry *t, pid_t host, uint32_t pid, uint32_t realm,
    enum writ_class class);

/* Bring the rows up to date with what is on a CPU. 0 or -1. */
int telemetry_fresh(struct telemetry *t);

void telemetry_trace(struct telemetry *t, uint32_t bits);

/* The descriptor of a map of sched.bpf.c, by name; -1: there is none. */
int telemetry_map(const struct telemetry *t, const char *name);
