/* SPDX-License-Identifier: MIT */
/*
 * The peer of a message through the kernel: three plain processes, of which one
 * asks, one passes on and one answers, over two pairs of SOCK_SEQPACKET sockets;
 * placed where Linux has the node's client, kernel and server.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum relay_part { RELAY_CLIENT, RELAY_KERNEL, RELAY_SERVER, RELAY_N };

/* Start the three, with packets of @len bytes. 0, or -1 (said). */
int relay_up(size_t len);
/*
 * Have the node's client, kernel and server run on these CPUs (-1: any), then
 * each of the three like its counterpart: CPU, class, cgroups of cpu and memory.
 * 0, or -1 (said).
 */
int relay_place(const char *node, const int cpu[RELAY_N]);
/* One round trip, there and back: its nanoseconds, or -1. */
int64_t relay_trip(void);
void relay_down(void);
