/* SPDX-License-Identifier: MIT */
/* The realms of the test, its order, and that nothing is left of it. */
#include "ipc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

uint64_t random_below(uint64_t n)
{
	state ^= state << 13; /* xorshift64: any will do, if it can be repeated */
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

static void seed_from(const char *text)
{
	state = strtoull(text, NULL, 10) | 1;
	printf("# WRIT_SEED=%llu\n", (unsigned long long)state);
}

int writ_main(int argc, char **argv)
{
	static const struct writ_quota quota = { 64 << 20, 20000, 200 };
	struct writ_quota_rep before[2], after[2];
	const char *seed = NULL;
	unsigned type;
	bool ok;

	(void)argv;
	if (writ_self()->parent != 0)
		return argc > 1 ? puppet_main() : 99;
	image = writ_named_cap(WRIT_TYPE_IMAGE, "root");
	for (unsigned i = 0; writ_named_each(i, &type, &seed, &(writ_cap_t){ 0 }, &(uint32_t){ 0 });
	     i++)
		if (type == WRIT_TYPE_IMAGE && strncmp(seed, "seed-", 5) == 0)
			break;
		else
			seed = NULL;
	seed_from(seed != NULL ? seed + 5 : "1");
	check(realm_new(ACCOUNT, REALM, SPAWN, "ipc-a", quota) &&
		realm_new(ACCOUNT_B, REALM_B, SPAWN_B, "ipc-b", quota),
	    "two realms");
	writ_quota_read(ACCOUNT, &before[0]);
	writ_quota_read(ACCOUNT_B, &before[1]);
	for (unsigned i = 0; i < 4; i++)
		puppet(i);
	test_orders();
	test_rights();
	test_transfer();
	test_cancel();
	test_replies();
	test_revoke();
	test_sessions();
	test_notifications();
	test_deaths();
	test_bounds();
	for (unsigned i = 0; i < PUPPETS; i++)
		puppet_end(&puppets[i]);
	ok = used_again(ACCOUNT, &before[0], &after[0]) &&
	    used_again(ACCOUNT_B, &before[1], &after[1]);
	check(ok, "quota in = quota out in both realms: %llu, %llu bytes",
	    (unsigned long long)after[0].used.bytes, (unsigned long long)after[1].used.bytes);
	plan();
	return 0;
}
