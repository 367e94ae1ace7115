/* SPDX-License-Identifier: MIT */
/* The benchmark library: turns, percentiles, ratio, rates, failures; its output is read back. */
#include "tests/bench/bench.h"
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct state {
	unsigned ours, peer, turns, torn;
	int last; /* whose turn it is */
	int fail;
};

static int64_t ours(void *arg)
{
	struct state *s = arg;

	s->turns += s->last != 1;
	s->last = 1;
	return s->fail ? -1 : 100 + (int64_t)(s->ours++ % 100);
}

static int64_t peer(void *arg)
{
	struct state *s = arg;

	s->turns += s->last != 2;
	s->last = 2;
	s->peer++;
	return 50;
}

static int64_t none(void *arg)
{
	((struct state *)arg)->ours++;
	return 0;
}

static void teardown(void *arg)
{
	((struct state *)arg)->torn++;
}

static struct state state;
static const struct bench list[] = {
	{ "a.time", "a peer", NULL, teardown, ours, peer, &state, .rounds = 1000, .turn = 10 },
	{ "a.rate", "a peer", NULL, teardown, peer, ours, &state, .rounds = 100, .ops = 5 },
	{ "b.alone", NULL, NULL, teardown, peer, NULL, &state, .rounds = 10 },
	{ "c.bytes", NULL, NULL, teardown, none, NULL, &state, .rounds = 1, .unit = "B",
	    .placement = "CPU 0" },
};

/* Runs what begins with @name; the status goes to @ret_status. Returns the one line as JSON, or
 * NULL. */
static json_t *run(const char *name, int *ret_status)
{
	char *argv[] = { (char *)"bench", (char *)name, NULL };
	FILE *f = tmpfile();
	int out = dup(1);
	json_t *j;

	ck_assert(f != NULL && out >= 0);
	fflush(stdout);
	dup2(fileno(f), 1);
	*ret_status = bench_main(2, argv, list, sizeof(list) / sizeof(*list));
	fflush(stdout);
	dup2(out, 1);
	close(out);
	rewind(f);
	j = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
	fclose(f);
	return j;
}

static double number(const json_t *j, const char *key)
{
	ck_assert_msg(json_is_number(json_object_get(j, key)), "no number %s", key);
	return json_number_value(json_object_get(j, key));
}

START_TEST(time_has_percentiles_and_a_ratio_to_its_peer)
{
	int status;
	json_t *j = run("a.time", &status);

	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(json_string_value(json_object_get(j, "bench")), "a.time");
	ck_assert_str_eq(json_string_value(json_object_get(j, "unit")), "ns");
	ck_assert_double_eq(number(j, "n"), 1000);
	ck_assert_double_eq(number(j, "value"), 150);
	ck_assert_double_eq(number(j, "p50"), 150);
	ck_assert_double_eq(number(j, "p99"), 198);
	ck_assert_double_eq(number(j, "ratio"), 3);
	ck_assert_double_eq(number(json_object_get(j, "peer"), "p50"), 50);
	json_decref(j);
}
END_TEST

START_TEST(both_sides_take_turns_after_one_to_warm_up)
{
	int status;

	json_decref(run("a.time", &status));
	ck_assert_uint_eq(state.ours, 1010);
	ck_assert_uint_eq(state.peer, 1010);
	ck_assert_uint_eq(state.turns, 202);
	ck_assert_uint_eq(state.torn, 1);
}
END_TEST

START_TEST(rate_is_operations_a_second)
{
	int status;
	json_t *j = run("a.rate", &status);

	ck_assert_str_eq(json_string_value(json_object_get(j, "unit")), "1/s");
	ck_assert_double_eq(number(j, "value"), 5e9 / 50);
	ck_assert_double_gt(number(j, "ratio"), 2);
	json_decref(j);
}
END_TEST

START_TEST(without_a_peer_there_is_no_ratio)
{
	int status;
	json_t *j = run("b", &status);

	ck_assert_double_eq(number(j, "value"), 50);
	ck_assert_ptr_null(json_object_get(j, "peer"));
	ck_assert_ptr_null(json_object_get(j, "ratio"));
	json_decref(j);
}
END_TEST

START_TEST(other_units_can_be_zero_and_one_round_is_not_warmed_up)
{
	int status;
	json_t *j = run("c", &status);

	ck_assert_str_eq(json_string_value(json_object_get(j, "unit")), "B");
	ck_assert_str_eq(json_string_value(json_object_get(j, "placement")), "CPU 0");
	ck_assert_double_eq(number(j, "value"), 0);
	ck_assert_uint_eq(state.ours, 1);
	json_decref(j);
}
END_TEST

START_TEST(failure_prints_no_figure_and_tears_down)
{
	int status;

	state.fail = 1;
	ck_assert_ptr_null(run("a.time", &status));
	ck_assert_int_eq(status, 1);
	ck_assert_uint_eq(state.torn, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench");
	TCase *c = tcase_create("bench");
	SRunner *r;
	int failed;

	tcase_add_test(c, time_has_percentiles_and_a_ratio_to_its_peer);
	tcase_add_test(c, both_sides_take_turns_after_one_to_warm_up);
	tcase_add_test(c, rate_is_operations_a_second);
	tcase_add_test(c, without_a_peer_there_is_no_ratio);
	tcase_add_test(c, other_units_can_be_zero_and_one_round_is_not_warmed_up);
	tcase_add_test(c, failure_prints_no_figure_and_tears_down);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
