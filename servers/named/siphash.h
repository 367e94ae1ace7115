/* SPDX-License-Identifier: MIT */
/* SipHash-2-4: names are the tenants' choice and must not meet in one bucket on purpose. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *data, size_t len);
