/* SPDX-License-Identifier: MIT */
/* The words for types, rights, states and errors. */
#include "fixture.h"
#include <limits.h>
#include <string.h>
#include <writ/guard.h>

START_TEST(types_classes_profiles_states_have_their_names)
{
	ck_assert_str_eq(writ_type_name(WRIT_TYPE_NULL), "null");
	ck_assert_str_eq(writ_type_name(WRIT_TYPE_SCHED_CONTEXT), "schedcontext");
	ck_assert_str_eq(writ_type_name(WRIT_TYPE_SESSION), "session");
	ck_assert_str_eq(writ_class_name(WRIT_CLASS_LC), "lc");
	ck_assert_str_eq(writ_profile_name(WRIT_PROFILE_SERVER), "server");
	ck_assert_str_eq(writ_layer_name(WRIT_LAYER_EBPF_UNIX), "ebpf_unix");
	ck_assert_str_eq(writ_guard_name(GUARD_AUDIT), "audit");
	ck_assert_str_eq(writ_state_name(WRIT_STATE_FAILED), "failed");
}
END_TEST

START_TEST(names_out_of_range_are_a_question_mark)
{
	ck_assert_str_eq(writ_type_name(WRIT_TYPE_N), "?");
	ck_assert_str_eq(writ_class_name(WRIT_CLASS_N), "?");
	ck_assert_str_eq(writ_profile_name(WRIT_PROFILE_N), "?");
	ck_assert_str_eq(writ_layer_name(WRIT_LAYER_N), "?");
	ck_assert_str_eq(writ_guard_name(GUARD_MODE_N), "?");
	ck_assert_str_eq(writ_state_name(WRIT_STATE_N), "?");
	ck_assert_str_eq(writ_type_name(UINT_MAX), "?");
}
END_TEST

START_TEST(errors_have_text_and_name_whatever_the_sign)
{
	ck_assert_str_eq(writ_strerror(0), "no error");
	ck_assert_str_eq(writ_strerror(WRIT_E_NO_RIGHT), "capability lacks the right");
	ck_assert_str_eq(writ_strerror(-WRIT_E_NO_RIGHT), "capability lacks the right");
	ck_assert_str_eq(writ_errname(-WRIT_E_TOO_MANY_OPEN), "TOO_MANY_OPEN");
	ck_assert_str_eq(writ_errname(WRIT_E_OK), "OK");
	ck_assert_str_eq(writ_errname(11), "?");
	ck_assert_str_eq(writ_strerror(11), "unknown error");
	ck_assert_str_eq(writ_errname(INT_MIN), "?");
	ck_assert_str_eq(writ_errname(INT_MAX), "?");
}
END_TEST

START_TEST(every_right_is_read_back)
{
	char buf[16];

	for (uint32_t bit = 1; bit <= WRIT_R_ALL; bit <<= 1)
		ck_assert_uint_eq(writ_right_parse(writ_rights_text(bit, buf, sizeof(buf))), bit);
	ck_assert_uint_eq(writ_right_parse("readx"), 0);
	ck_assert_uint_eq(writ_right_parse("rea"), 0);
	ck_assert_uint_eq(writ_right_parse("READ"), 0);
	ck_assert_uint_eq(writ_right_parse(""), 0);
	ck_assert_uint_eq(writ_right_parse("all"), 0);
	ck_assert_uint_eq(writ_right_parse("none"), 0);
}
END_TEST

START_TEST(rights_are_listed_with_commas)
{
	char buf[80];

	ck_assert_str_eq(writ_rights_text(WRIT_R_READ | WRIT_R_WRITE, buf, sizeof(buf)),
	    "read,write");
	ck_assert_str_eq(writ_rights_text(0, buf, sizeof(buf)), "none");
	ck_assert_str_eq(writ_rights_text(WRIT_R_GRANT | 0x8000, buf, sizeof(buf)), "grant,?");
	ck_assert_str_eq(writ_rights_text(WRIT_R_ALL, buf, sizeof(buf)),
	    "read,write,create,remove,watch,mount,exec,grant,grantreply");
	ck_assert_ptr_eq(writ_rights_text(1, buf, sizeof(buf)), buf);
}
END_TEST

START_TEST(rights_never_overrun_the_buffer)
{
	char whole[80], buf[80];

	writ_rights_text(WRIT_R_ALL, whole, sizeof(whole));
	for (unsigned size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		writ_rights_text(WRIT_R_ALL, buf, size);
		for (unsigned i = size; i < sizeof(buf); i++)
			ck_assert_int_eq(buf[i], '#');
		if (size == 0)
			continue;
		ck_assert_ptr_nonnull(memchr(buf, '\0', size));
		ck_assert_int_eq(strncmp(buf, whole, strlen(buf)), 0);
	}
}
END_TEST

Suite *suite_names(void)
{
	Suite *s = suite_create("names");
	TCase *c = tcase_create("names");

	suite_add_tcase(s, c);
	tcase_add_test(c, types_classes_profiles_states_have_their_names);
	tcase_add_test(c, names_out_of_range_are_a_question_mark);
	tcase_add_test(c, errors_have_text_and_name_whatever_the_sign);
	tcase_add_test(c, every_right_is_read_back);
	tcase_add_test(c, rights_are_listed_with_commas);
	tcase_add_test(c, rights_never_overrun_the_buffer);
	return s;
}
