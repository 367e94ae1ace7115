/* SPDX-License-Identifier: MIT */
/*
 * Good manifests, damaged at random 10,000 times: every one is either accepted
 * or refused with a place inside the file. WRIT_SEED sets the seed.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/unit/manifest/fixture.h"

enum { TRIES = 10000, ROOM = 8192 };

static unsigned seed;

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

/* Pieces that mean something to YAML or to a manifest. */
static const char *const pieces[] = {
	":",
	"- ",
	"[",
	"]",
	"{",
	"}",
	", ",
	"\n",
	"\n  ",
	"\"",
	"'",
	"&a ",
	"*a",
	"!!int ",
	"#",
	"|\n",
	"? ",
	"---\n",
	"...\n",
	"~",
	"null",
	"true",
	"-1",
	"0",
	"99999999999",
	"1.5",
	"64MiB",
	"1e9",
	"/",
	"/../",
	"//",
	"all",
	"read",
	"path: ",
	"rights: ",
	"procs: ",
	"grants: ",
	"spawn: ",
	"\t",
	"\xc3\xa9",
	"\xff",
	"\"\\0\"",
	"<<: ",
	"lc",
	"cores: ",
	"node: ",
	"realm: ",
};

static size_t damage(char *b, size_t n)
{
	size_t at = pick((unsigned)n + 1), len, from;
	const char *piece;

	switch (pick(5)) {
	case 0: /* change a byte */
		if (at < n)
			b[at] = (char)pick(256);
		return n;
	case 1: /* take out */
		len = pick(20);
		len = len < n - at ? len : n - at;
		memmove(b + at, b + at + len, n - at - len);
		return n - len;
	case 2: /* put in */
		piece = pieces[pick(sizeof(pieces) / sizeof(pieces[0]))];
		len = strlen(piece);
		if (n + len > ROOM)
			return n;
		memmove(b + at + len, b + at, n - at);
		memcpy(b + at, piece, len);
		return n + len;
	case 3: /* double a part */
		from = pick((unsigned)n + 1);
		len = pick(200);
		len = len < n - from ? len : n - from;
		if (n + len > ROOM)
			return n;
		memmove(b + at + len, b + at, n - at);
		memmove(b + at, b + (from + len <= at ? from : 0), len < at ? len : at);
		return n + len;
	default: /* cut off */ return pick(20) == 0 ? at : n;
	}
}

static void check_error(const struct manifest_error *e, const char *b, size_t n)
{
	unsigned lines = 1;
	size_t i;

	for (i = 0; i < n; i++)
		lines += b[i] == '\n' || b[i] == '\r';
	/* libyaml counts NEL, LS and PS as line ends too */
	for (i = 0; i + 1 < n; i++)
		lines += (b[i] == '\xc2' && b[i + 1] == '\x85') || b[i] == '\xe2';
	ck_assert_msg(e->line <= lines, "line %u of %u: %s\n%.*s", e->line, lines, e->text, (int)n,
	    b);
	ck_assert_uint_gt(strlen(e->text), 0);
	for (i = 0; e->text[i] != '\0'; i++)
		ck_assert_msg((unsigned char)e->text[i] >= 0x20, "control character in: %s",
		    e->text);
}

START_TEST(damaged_manifests_never_crash)
{
	char *b = fixture_alloc(ROOM + 256);
	unsigned i, k, good = 0;

	for (i = 0; i < TRIES; i++) {
		const char *from = i % 2 == 0 ? fixture_good : fixture_good_node;
		Writ__Manifest__Realm *r;
		Writ__Manifest__Node *d;
		struct manifest_error e;
		size_t n = strlen(from);
		int rc;

		memcpy(b, from, n);
		for (k = pick(4) + 1; k > 0; k--)
			n = damage(b, n);
		fixture_write("m.yaml", b, n, 0644);
		if (i % 2 == 0) {
			rc = manifest_realm_load(fixture_path("m.yaml"), NULL, &r, &e);
			if (rc == 0)
				manifest_realm_free(r);
		} else {
			rc = manifest_node_load(fixture_path("m.yaml"), &d, &e);
			if (rc == 0)
				manifest_node_free(d);
		}
		good += rc == 0;
		if (rc < 0)
			check_error(&e, b, n);
	}
	printf("%u of %d damaged manifests were still good\n", good, TRIES);
	ck_assert_msg(good > TRIES / 100 && good < TRIES / 2,
	    "the damage is too small or too large");
	free(b);
}
END_TEST

int main(void)
{
	const char *s = getenv("WRIT_SEED");
	Suite *suite = suite_create("random manifests");
	TCase *t = tcase_create("random");
	SRunner *r;
	int failed;

	seed = s != NULL ? (unsigned)strtoul(s, NULL, 0) : (unsigned)time(NULL);
	printf("WRIT_SEED=%u\n", seed);
	tcase_add_unchecked_fixture(t, fixture_begin, fixture_end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, damaged_manifests_never_crash);
	suite_add_tcase(suite, t);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
