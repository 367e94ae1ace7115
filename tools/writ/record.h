/* SPDX-License-Identifier: MIT */
/*
 * Audit records as operators see them: text, JSON, and the kernel's own layout,
 * which is what its chain of hashes is made of. Nothing of a record is lost on the
 * way to JSON and back.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <writ/abi.h>
#include <writ/op.pb-c.h>

/* "?" for those that this version does not know. */
const char *record_kind(uint32_t kind);
const char *record_op(uint32_t op);

bool record_is_refusal(const Writ__Op__Record *r);
/* Is it of @who: a pid, a proc's name or a realm's; NULL: of anybody? */
bool record_is_of(const Writ__Op__Record *r, const char *who);

/* Local time. Returns @buf. */
char *record_when(uint64_t ns, char *buf, size_t size);
/* Print what it is about, made safe; of a slot that the kernel refused, also what it wants there.
 */
void record_put_what(const Writ__Op__Record *r);
/* Print "coordinator (pid 7, realm wordcount)", made safe. */
void record_put_proc(const Writ__Op__Record *r);

/* As the kernel had it. What does not fit is cut, so that its hash does not match. */
void record_take(const Writ__Op__Record *r, struct writ_audit_rec *ret);

/* NULL when out of memory. @fix: root's explanation, which is not of the record; or NULL. */
json_t *record_json(const struct writ_audit_rec *r, const char *fix);
/* The way back. False when record_json() would not have made @o, but for `fix'. */
bool record_parse(const json_t *o, struct writ_audit_rec *ret);

/* How many bytes of it, from the beginning, its hash is of. */
size_t record_hashed(const struct writ_audit_rec *r);

/* 32 bytes as 64 hexadecimal digits, and back: false when they are not that. */
char *record_hex(const uint8_t *hash, char buf[65]);
bool record_unhex(const char *text, uint8_t *ret_hash);
