/* SPDX-License-Identifier: MIT */
/*
 * Dumps as text: what is read and written is the same; what was damaged at random
 * is read or refused with a line, and never more. WRIT_SEED sets the seed.
 */
#include "servers/loader/dump.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char good[] =
    "writ-dump 1\n\nobjects {\n"
    "cspace_root = cnode (boot, bits: 12)\n"
    "node = untyped (boot, bytes: 18446744073709551615, slots: 9, procs: 4)\n"
    "ep_1 = endpoint (from: node)\n"
    "path_1 = path (endpoint: ep_1, prefix: \"/a/\\x22b\\x5c\")\n"
    "spawn_1 = spawn (realm: realm_a, classes: be+lc, profiles: none, "
    "procs: 1, cores: 2, memory: 3)\n"
    "realm_a = realm (name: \"a\", from: node, account: node, memory: 0, "
    "cores: 0)\n}\n\ncaps {\ncspace_root {\n"
    "1: node (rights: read+write)\n"
    "2: ep_1 (rights: none, badge: 7)\n"
    "5: cspace_root (rights: read, guard: 5, guard_bits: 4)\n}\n}\n\n"
    "tree {\ncspace_root[2] <- cspace_root[1]\n}\n";

static char why[DUMP_WHY_MAX];

START_TEST(same_again)
{
	struct dump d;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_int_eq(dump_parse(&d, good, sizeof(good) - 1, why), 0);
	ck_assert_int_eq(dump_print(&d, f), 0);
	fclose(f);
	ck_assert_str_eq(text, good);
	ck_assert_uint_eq(dump_find(&d, "ep_1"), 3);
	ck_assert_uint_eq(dump_find(&d, "ep_2"), 0);
	dump_free(&d);
	free(text);
}
END_TEST

static const struct {
	const char *from, *to, *why;
} wrong[] = {
	{ "9, procs", "4294967296, procs", "5: 4294967296: a number up to" },
	{ "18446744073709551615", "18446744073709551616", "5: 184467" },
	{ ", procs: 4)", ")", "5: node: its procs is missing" },
	{ "slots: 9", "slots: 9, slots: 9", "5: slots is said twice" },
	{ "(from: node)", "(from: ep_1)", "6: ep_1 is of type endpoint" },
	{ "\\x22", "\\n22", "7: \\xHH is the only escape" },
	{ "\\x22", "\\x00", "7: a text is too long" },
	{ "be+lc", "be+xx", "8: xx is unknown here" },
	{ "2: ep_1", "4096: ep_1", "15: cspace_root has no slot 4096" },
	{ "5: csp", "2: csp", "16: that slot is taken, on line 15" },
	{ "tree {", "trees {", "20: \"{\" is missing" },
	{ "[2] <- cspace_root[1]", "[2] <- cspace_root[2]", "15: this capability descends" },
	{ "ep_1 = endpoint", "node = endpoint", "there already" },
	{ " = endpoint (from: node)", " = reply2", "6: reply2 is unknown" },
};

START_TEST(wrong_line)
{
	char text[2 * sizeof(good)];
	const char *at = strstr(good, wrong[_i].from);
	struct dump d;

	ck_assert_ptr_nonnull(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, wrong[_i].to,
	    at + strlen(wrong[_i].from));
	ck_assert_int_lt(dump_parse(&d, text, strlen(text), why), 0);
	ck_assert_msg(strstr(why, wrong[_i].why) != NULL, "\"%s\", not \"%s\"", why, wrong[_i].why);
	ck_assert_ptr_null(d.objs);
}
END_TEST

START_TEST(damaged)
{
	const char *s = getenv("WRIT_SEED");
	unsigned seed = s != NULL ? (unsigned)strtoul(s, NULL, 0) : (unsigned)time(NULL);

	printf("WRIT_SEED=%u\n", seed);
	for (int round = 0; round < 20000; round++) {
		char text[sizeof(good)];
		size_t len = sizeof(good) - 1;
		struct dump d;

		memcpy(text, good, sizeof(good));
		for (int i = rand_r(&seed) % 4; i >= 0; i--)
			text[(size_t)rand_r(&seed) % len] = good[(size_t)rand_r(&seed) % len];
		len -= (size_t)rand_r(&seed) % 8 == 0 ? (size_t)rand_r(&seed) % len : 0;
		if (dump_parse(&d, text, len, why) == 0)
			dump_free(&d);
		else
			ck_assert_uint_gt(strtoul(why, NULL, 10), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dump");
	TCase *t = tcase_create("dump");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, same_again);
	tcase_add_loop_test(t, wrong_line, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(t, damaged);
	suite_add_tcase(s, t);
	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
