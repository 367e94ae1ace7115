/* SPDX-License-Identifier: MIT */
/* Verifying audit trails: the untouched stream, and every way of tampering with it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium/crypto_hash_sha256.h>

#include "tools/writ/record.h"
#include "tools/writ/trail.h"

enum { N = 12, REALMS = 2 };

static struct writ_audit_rec recs[N];
static json_t *lines[N];
static struct cli cli;
static char path[] = "/tmp/writ-trail-XXXXXX";

static void seal(struct writ_audit_rec *r)
{
	crypto_hash_sha256(r->chain, (void *)r, record_hashed(r));
}

/* What the kernel would have recorded: two realms by turns, all kinds and all sorts of text. */
static void setup(void)
{
	static const char *const whats[] = { "", "/out", "r\xc3\xa9sum\xc3\xa9", "no \xff UTF-8",
		"\033[31m\n\"quoted\"", "node n, up since 1" };
	int fd;

	for (unsigned i = 0; i < N; i++) {
		struct writ_audit_rec *r = &recs[i];

		*r = (struct writ_audit_rec){ .seq = i + 1,
			.rseq = i / REALMS + 1,
			.time_ns = 1795211625017782057u + i,
			.pid = i % 3,
			.realm = 1 + i % REALMS,
			.kind = (uint16_t)(i % (WRIT_AUDIT_N + 1)),
			.op = (uint16_t)(i * 3 % (WRIT_OP_N + 1)),
			.status = i % 4 == 0 ? WRIT_E_NO_RIGHT : 0,
			.missing = i % 4 == 0 ? WRIT_R_WRITE : 0,
			.count = 1 + i % 5,
			.by = i % 2,
			.other = UINT32_MAX - i };
		snprintf(r->name, sizeof(r->name), "proc-%u", r->pid);
		snprintf(r->realm_name, sizeof(r->realm_name), r->realm == 1 ? "web" : "db");
		snprintf(r->what, sizeof(r->what), "%s", whats[i % 6]);
		if (i >= REALMS)
			memcpy(r->prev, recs[i - REALMS].chain, sizeof(r->prev));
		seal(r);
		lines[i] = record_json(r, i % 2 != 0 ? "words.yaml:12: add it" : NULL);
		ck_assert_ptr_nonnull(lines[i]);
	}
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	cli = (struct cli){ 0 };
}

static void teardown(void)
{
	for (unsigned i = 0; i < N; i++)
		json_decref(lines[i]);
	unlink(path);
}

static void write_lines(const unsigned *order, unsigned n)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; i < n; i++) {
		json_dumpf(lines[order != NULL ? order[i] : i], f, JSON_COMPACT);
		fputc('\n', f);
	}
	ck_assert_int_eq(fclose(f), 0);
}

static int verify_with(struct trail *t)
{
	int rc;

	cli.error[0] = '\0';
	rc = trail_file(&cli, t, path);
	trail_free(t);
	return rc;
}

static int verify(void)
{
	return verify_with(&(struct trail){ 0 });
}

static void expect(struct trail *t, unsigned i)
{
	t->heads = reallocarray(t->heads, t->nheads + 1, sizeof(*t->heads));
	ck_assert_ptr_nonnull(t->heads);
	t->heads[t->nheads] = (struct trail_head){ .id = recs[i].realm, .rseq = recs[i].rseq };
	snprintf(t->heads[t->nheads].name, WRIT_NAME_MAX, "%s", recs[i].realm_name);
	memcpy(t->heads[t->nheads++].chain, recs[i].chain, sizeof(recs[i].chain));
}

static void refused(const char *says)
{
	ck_assert_int_eq(verify(), EX_DATAERR);
	ck_assert_msg(strstr(cli.error, says) != NULL, "\"%s\" does not say \"%s\"", cli.error,
	    says);
}

START_TEST(an_untouched_stream_verifies)
{
	struct trail t = { 0 };

	write_lines(NULL, N);
	ck_assert_msg(verify() == 0, "%s", cli.error);
	for (unsigned i = 0; i < REALMS; i++)
		expect(&t, N - REALMS + i);
	expect(&t, 3);
	ck_assert_msg(verify_with(&t) == 0, "%s", cli.error);
}
END_TEST

START_TEST(nothing_is_lost_in_json)
{
	for (unsigned i = 0; i < N; i++) {
		char *text = json_dumps(lines[i], JSON_COMPACT);
		json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		struct writ_audit_rec r;

		ck_assert_ptr_nonnull(o);
		ck_assert(record_parse(o, &r));
		ck_assert_int_eq(memcmp(&r, &recs[i], sizeof(r)), 0);
		json_decref(o);
		free(text);
	}
}
END_TEST

static json_t *altered(const json_t *v)
{
	char text[1024] = "";

	if (json_is_integer(v))
		return json_integer(json_integer_value(v) + 1);
	snprintf(text, sizeof(text), "%s", json_string_value(v));
	text[0] = text[0] == '1' ? '2' : '1';
	return json_string(text);
}

START_TEST(every_altered_field_is_found)
{
	unsigned fields = 0;

	for (unsigned i = 0; i < N; i++) {
		json_t *whole = lines[i], *v;
		const char *key;

		json_object_foreach(whole, key, v) {
			lines[i] = json_copy(whole);
			json_object_set_new(lines[i], key, altered(v));
			write_lines(NULL, N);
			ck_assert_msg((verify() == 0) == (strcmp(key, "fix") == 0),
			    "record %u, %s: %s", i, key, cli.error);
			json_decref(lines[i]);
			lines[i] = json_copy(whole);
			json_object_del(lines[i], key);
			write_lines(NULL, N);
			ck_assert_msg((verify() == 0) == (strcmp(key, "fix") == 0),
			    "record %u without %s: %s", i, key, cli.error);
			json_decref(lines[i]);
			fields++;
		}
		lines[i] = whole;
	}
	ck_assert_uint_gt(fields, N * 20);
}
END_TEST

START_TEST(a_field_too_many_or_twice_is_found)
{
	FILE *f;

	json_object_set_new(lines[4], "extra", json_integer(1));
	write_lines(NULL, N);
	refused("altered");
	json_object_del(lines[4], "extra");
	write_lines(NULL, N);
	ck_assert_int_eq(verify(), 0);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs("{\"seq\":1,\"seq\":1}\n", f);
	ck_assert_int_eq(fclose(f), 0);
	refused("not an object of JSON");
}
END_TEST

START_TEST(a_record_altered_with_its_hash_is_found_by_the_next)
{
	recs[4].other++;
	seal(&recs[4]);
	json_decref(lines[4]);
	lines[4] = record_json(&recs[4], NULL);
	write_lines(NULL, N);
	refused("realm web, record 4 (7 on the node): the record before it is another");
}
END_TEST

START_TEST(a_chain_made_anew_is_found_by_heads_alone)
{
	struct trail t = { 0 };

	expect(&t, N - 1);
	expect(&t, N - 2);
	recs[4].other++;
	for (unsigned i = 4; i < N; i += REALMS) {
		memcpy(recs[i].prev, recs[i - REALMS].chain, sizeof(recs[i].prev));
		seal(&recs[i]);
		json_decref(lines[i]);
		lines[i] = record_json(&recs[i], NULL);
	}
	write_lines(NULL, N);
	ck_assert_int_eq(verify(), 0);
	ck_assert_int_eq(verify_with(&t), EX_DATAERR);
	ck_assert_ptr_nonnull(strstr(cli.error, "realm web: record 6 is another"));
}
END_TEST

START_TEST(every_record_cut_out_is_found)
{
	for (unsigned cut = 0; cut < N - REALMS; cut++) {
		unsigned order[N], n = 0;
		struct trail t = { 0 };

		for (unsigned i = 0; i < N; i++)
			if (i != cut)
				order[n++] = i;
		write_lines(order, n);
		if (cut >= REALMS) {
			refused("records before it are missing: 1");
			continue;
		}
		/* a beginning that is not here is not hidden, nor an error: it is said */
		expect(&t, cut);
		ck_assert_int_eq(verify(), 0);
		ck_assert_int_eq(verify_with(&t), EX_DATAERR);
		ck_assert_ptr_nonnull(strstr(cli.error, "these begin at 2"));
	}
}
END_TEST

START_TEST(a_cut_at_the_end_is_found_by_heads)
{
	struct trail t = { 0 };

	write_lines(NULL, N - 1);
	ck_assert_int_eq(verify(), 0);
	expect(&t, N - 1);
	ck_assert_int_eq(verify_with(&t), EX_DATAERR);
	ck_assert_ptr_nonnull(
	    strstr(cli.error, "realm db: cut at the end: it must reach record 6, and ends at 5"));
}
END_TEST

START_TEST(all_swapped_records_are_found)
{
	for (unsigned a = 0; a < N; a++) {
		for (unsigned b = a + 1; b < N; b++) {
			unsigned order[N];

			for (unsigned i = 0; i < N; i++)
				order[i] = i == a ? b : i == b ? a : i;
			write_lines(order, N);
			ck_assert_msg(verify() == EX_DATAERR, "%u and %u swapped", a, b);
		}
	}
}
END_TEST

START_TEST(a_record_twice_is_found)
{
	unsigned order[N + 1], again[2 * N];

	for (unsigned i = 0; i <= N; i++)
		order[i] = i <= 5 ? i : i - 1;
	write_lines(order, N + 1);
	refused("out of order, or here twice");
	for (unsigned i = 0; i < 2 * N; i++)
		again[i] = i % N; /* as after another start of the node */
	write_lines(again, 2 * N);
	refused("out of order, or here twice");
}
END_TEST

START_TEST(saying_that_records_were_overwritten_hides_no_cut)
{
	json_t *whole = lines[5];

	lines[5] = json_pack("{s:i,s:s,s:i,s:i}", "overwritten", 1, "realm", "db", "realm_id", 2,
	    "before", 4);
	write_lines(NULL, N);
	refused("realm db, record 4 (8 on the node): records before it are missing: 1");
	json_decref(lines[5]);
	lines[5] = whole;
}
END_TEST

START_TEST(a_record_of_another_realm_does_not_fit)
{
	recs[4].realm = 2;
	seal(&recs[4]);
	json_decref(lines[4]);
	lines[4] = record_json(&recs[4], NULL);
	write_lines(NULL, N);
	refused("the record before it is another");
}
END_TEST

START_TEST(what_is_no_trail_is_refused)
{
	static const char *const bad[] = { "", "\n", "nonsense\n", "[]\n", "{}\n", "{\"seq\":1}\n",
		"{\"overwritten\":3}\n", "\xff\n" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *f = fopen(path, "we");

		ck_assert_ptr_nonnull(f);
		fputs(bad[i], f);
		ck_assert_int_eq(fclose(f), 0);
		ck_assert_msg(verify() == EX_DATAERR, "%s", bad[i]);
	}
	unlink(path);
	ck_assert_int_eq(verify(), EX_NOINPUT);
}
END_TEST

START_TEST(a_reader_that_is_late_is_told_how_much_it_missed)
{
	struct trail t = { 0 };

	ck_assert_int_eq(trail_add(&t, &recs[0]), TRAIL_OK);
	ck_assert_int_eq(trail_add(&t, &recs[8]), TRAIL_GAP);
	ck_assert_uint_eq(t.gap, 3);
	ck_assert_int_eq(trail_add(&t, &recs[10]), TRAIL_OK);
	ck_assert_uint_eq(t.gap, 0);
	ck_assert_uint_eq(t.v[0].missing, 3);
	trail_free(&t);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { an_untouched_stream_verifies, nothing_is_lost_in_json,
		every_altered_field_is_found, a_field_too_many_or_twice_is_found,
		a_record_altered_with_its_hash_is_found_by_the_next,
		a_chain_made_anew_is_found_by_heads_alone, every_record_cut_out_is_found,
		a_cut_at_the_end_is_found_by_heads, all_swapped_records_are_found,
		a_record_twice_is_found, saying_that_records_were_overwritten_hides_no_cut,
		a_record_of_another_realm_does_not_fit, what_is_no_trail_is_refused,
		a_reader_that_is_late_is_told_how_much_it_missed };
	Suite *s = suite_create("trail");
	TCase *tc = tcase_create("trail");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
