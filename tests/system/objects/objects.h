/* SPDX-License-Identifier: MIT */
/*
 * A first server that tests all objects but endpoints and notifications, and
 * who may do what with each of them. Works with what tests/system/gate shares.
 */
#pragma once
#include "../gate/gate.h"

enum { UT = 300, CN, AREA = 400, BIG = 4096 };

/* A call whose answer tells more than a status. */
struct answer {
	int status;
	uint32_t missing;
	uint64_t arg;
	uint16_t len;
};
struct answer ask(unsigned op, uint32_t cap, uint64_t arg, const void *req, size_t len);
/* Slot @index of the CNode of 2^@bits slots in slot @root. */
struct writ_addr at(uint32_t root, uint64_t index, uint32_t bits);
struct writ_addr own(uint64_t index);
/* The type of what lies there; -1: no such slot. */
int type_at(struct writ_addr a);
struct writ_proc_row stat_of(writ_cap_t proc);
/* Is it in @state within 5 s? */
bool gets_to(writ_cap_t proc, unsigned state);

/* An Untyped in @dst of this size, below the node's. */
bool untyped(uint32_t dst, uint64_t bytes, uint32_t slots, uint32_t procs);

void test_rights(void);
void test_cnodes(void);
void test_retype(void);
void test_random(void);
void test_memory(void);
void test_procs(void);
void test_contexts(void);
void test_deputy(void);
void test_million(void);
int objects_child(const char *mode);
int memory_child(const char *mode);
int deputy_child(const char *mode);
int million_child(void);
