/* SPDX-License-Identifier: MIT */
/* Any protobuf message as JSON, by its descriptor. */
#pragma once
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* Fields by name; enums by name, bytes in hexadecimal; unset messages are left out. NULL: no
 * memory. */
json_t *message_json(const ProtobufCMessage *m);
