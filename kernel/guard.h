/* SPDX-License-Identifier: MIT */
/* What the kernel tells eBPF, and operators by it. All of it does nothing where there are no maps.
 */
#pragma once
#include "kernel.h"

/* Say who the nest is, or the proc that has started or whose class has changed; and what a realm
 * may reach and requires. 0 or -errno: it is not held, and must not run. */
int k_guard_nest(uint32_t realm, unsigned profile, int pidfd, enum guard_phase phase);
int k_guard_realm(struct k_realm *r);
void k_guard_proc(const struct k_proc *p); /* also when its row has changed, or it has ended */
void k_guard_realm_gone(const struct k_realm *r);
/* Show some of the capabilities that have changed; more of them when the kernel is @idle. True:
 * there are more. */
bool k_mirror(bool idle);
void k_mirror_init(void);
/* What lies in @s, and in whose CSpace that is (in call_cap.c). */
void k_cap_row(slot_t s, struct writ_cap_info *out);
