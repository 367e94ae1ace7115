/* SPDX-License-Identifier: MIT */
/*
 * The errors of Writ, one list for the kernel, the servers and the library.
 *
 * 0 to 10 are seL4's, with seL4's numbers and meaning (libsel4 errors.h). The
 * rest is Writ's own. Functions of the library return 0 or a count on success
 * and the negated number (-WRIT_E_...) on failure.
 */
#pragma once

/* name, number, what a person reads */
/* clang-format off */
#define WRIT_ERRORS(X) \
	X(OK,                 0, "no error") \
	X(INVALID_ARGUMENT,   1, "invalid argument") \
	X(INVALID_CAPABILITY, 2, "capability of the wrong type, or none") \
	X(ILLEGAL_OPERATION,  3, "operation not allowed on this capability") \
	X(RANGE,              4, "value out of range") \
	X(ALIGNMENT,          5, "bad alignment") \
	X(FAILED_LOOKUP,      6, "no capability at that address") \
	X(TRUNCATED,          7, "message too short") \
	X(DELETE_FIRST,       8, "destination slot is occupied") \
	X(REVOKE_FIRST,       9, "object still has derived capabilities") \
	X(NOT_ENOUGH_MEMORY, 10, "quota or table exhausted") \
	X(NO_RIGHT,          16, "capability lacks the right") \
	X(PEER_CLOSED,       17, "the other side is gone") \
	X(BUSY,              18, "busy, try again") \
	X(BAD_REQUEST,       19, "malformed request") \
	X(STALE,             20, "capability was revoked") \
	X(TIMED_OUT,         21, "timed out") \
	X(KILLED,            22, "proc was killed") \
	X(EXEC_FAILED,       23, "image could not be executed") \
	X(NO_PATH,           24, "no capability covers this path") \
	X(CANCELED,          25, "canceled") \
	X(NO_TAKER,          26, "the receiver takes no such message") \
	X(NOT_FOUND,         32, "no such file or directory") \
	X(EXISTS,            33, "file exists") \
	X(NOT_DIR,           34, "not a directory") \
	X(IS_DIR,            35, "is a directory") \
	X(NOT_EMPTY,         36, "directory not empty") \
	X(NO_SPACE,          37, "no space left") \
	X(IO,                38, "input/output error") \
	X(BAD_HANDLE,        39, "no such open file") \
	X(NAME_TOO_LONG,     40, "name too long") \
	X(BAD_PATH,          41, "malformed path") \
	X(TOO_MANY_OPEN,     42, "too many open files")
/* clang-format on */

enum writ_err {
#define X(name, num, text) WRIT_E_##name = num,
	WRIT_ERRORS(X)
#undef X
};

/* The text of error @err; its sign does not matter. Never NULL. Static storage. */
const char *writ_strerror(int err);

/* The short name of error @err ("NO_RIGHT"), for machines. Never NULL. */
const char *writ_errname(int err);
