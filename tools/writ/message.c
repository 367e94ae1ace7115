/* SPDX-License-Identifier: MIT */
/*
 * Messages as JSON: see message.h. Recursion is as deep as the message types
 * nest, and Writ's .proto files have no recursive ones.
 */
#include "tools/writ/message.h"

#include <stdlib.h>
#include <string.h>

#include "tools/writ/table.h"

static json_t *hex(const ProtobufCBinaryData *b)
{
	char *s = malloc(b->len * 2 + 1);
	json_t *value;

	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < b->len; i++)
		snprintf(s + i * 2, 3, "%02x", b->data[i]);
	value = json_stringn(s, b->len * 2);
	free(s);
	return value;
}

static json_t *enum_json(const ProtobufCEnumDescriptor *d, int32_t n)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, n);

	return v != NULL ? json_string(v->name) : json_integer(n);
}

/* One value at @p; *@p of a string or message is its pointer. */
static json_t *value_json(const ProtobufCFieldDescriptor *f, const void *p)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32: return json_integer(*(const int32_t *)p);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32: return json_integer(*(const uint32_t *)p);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64: return json_integer(*(const json_int_t *)p);
	case PROTOBUF_C_TYPE_FLOAT: return json_real((double)*(const float *)p);
	case PROTOBUF_C_TYPE_DOUBLE: return json_real(*(const double *)p);
	case PROTOBUF_C_TYPE_BOOL: return json_boolean(*(const protobuf_c_boolean *)p);
	case PROTOBUF_C_TYPE_ENUM: return enum_json(f->descriptor, *(const int32_t *)p);
	case PROTOBUF_C_TYPE_STRING: return table_string(*(char *const *)p);
	case PROTOBUF_C_TYPE_BYTES: return hex(p);
	case PROTOBUF_C_TYPE_MESSAGE: return message_json(*(ProtobufCMessage *const *)p);
	default: return json_null();
	}
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE: return 8;
	case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
	default: return 4;
	}
}

static json_t *array_json(const ProtobufCFieldDescriptor *f, const char *items, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; all != NULL && i < n; i++) {
		if (json_array_append_new(all, value_json(f, items + i * value_size(f->type))) == 0)
			continue;
		json_decref(all);
		all = NULL;
	}
	return all;
}

json_t *message_json(const ProtobufCMessage *m)
{
	json_t *all = json_object(), *value;
	const char *base = (const char *)m;

	for (unsigned i = 0; all != NULL && i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const void *p = base + f->offset;

		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			value = array_json(f, *(char *const *)p,
			    *(const size_t *)(const void *)(base + f->quantifier_offset));
		else if (f->type == PROTOBUF_C_TYPE_MESSAGE && *(void *const *)p == NULL)
			continue;
		else
			value = value_json(f, p);
		if (json_object_set_new(all, f->name, value) == 0)
			continue;
		json_decref(all);
		all = NULL;
	}
	return all;
}
