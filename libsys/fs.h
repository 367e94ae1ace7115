/* SPDX-License-Identifier: MIT */
/*
 * What the files of the file client share: fs_conn.c (sessions behind Paths),
 * fs.c (calls on paths and handles), fs_dir.c and fs_whole.c (what is built of them).
 */
#pragma once
#include "libsys/pb.h"

/* One Path capability's session; opened on first use, and again after it was closed. */
struct fs_conn;

/* Where a path leads: the connection, and what of the path its server sees. */
struct fs_target {
	struct fs_conn *conn;
	uint32_t rights;
	const char *rest;
};

/*
 * Find who serves @path. Errors: BAD_PATH, NAME_TOO_LONG, NO_PATH (noted, with
 * the right @wants, in the audit), NOT_ENOUGH_MEMORY.
 */
int fs_resolve(const char *path, uint32_t wants, struct fs_target *ret);

/* As fs_resolve(), but a path that nothing covers is no refusal: returns -NO_PATH and notes
 * nothing. */
int fs_resolve_quiet(const char *path, struct fs_target *ret);

/*
 * One request, one reply. Opens the session if there is none. When the server
 * died, the request is sent once more over a new one if it is @harmless or was
 * never taken. Returns 0, or the reply's error, or one of the channel's.
 */
int fs_conn_call(struct fs_conn *c, const struct pb_req *q, bool harmless, struct pb_rep *ret);

/* As fs_conn_call(), for a request by handle of epoch @epoch: never sent over a new session. */
int fs_conn_call_handle(struct fs_conn *c, uint32_t epoch, const struct pb_req *q,
    struct pb_rep *ret);

/* A file was opened in it / closed that had been opened in epoch @epoch: meanwhile it stays open.
 */
void fs_conn_hold(struct fs_conn *c);
void fs_conn_release(struct fs_conn *c, uint32_t epoch);

/* Counts the sessions it has had: a handle is good in one only. */
uint32_t fs_conn_epoch(const struct fs_conn *c);

/* Is its session of epoch @epoch still open, by what has been read of the gate? */
bool fs_conn_lives(struct fs_conn *c, uint32_t epoch);
/* Is there a session, or can one be opened without waiting for a server that is not there? */
bool fs_conn_ready(struct fs_conn *c);

/* A request with a path and nothing to come back but its error. */
int fs_path_call(unsigned op, const char *path, const char *to, uint32_t wants);

/* What the folder @path of one's own namespace has in it, where no Path covers it: names on the way
 * to Paths. */
int fs_names_below(const char *path, struct writ_dirent **ret);
