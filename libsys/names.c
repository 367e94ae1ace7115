/* SPDX-License-Identifier: MIT */
/*
 * The words of <writ/rights.h> and <writ/err.h> as text, made from the same
 * lists.
 */
#include <string.h>
#include <writ/err.h>
#include <writ/guard.h>
#include <writ/rights.h>

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct right {
	uint32_t bit;
	const char *name;
};

#define X(id, name) name,
static const char *const types[] = { WRIT_TYPES(X) };
static const char *const classes[] = { WRIT_CLASSES(X) };
static const char *const profiles[] = { WRIT_PROFILES(X) };
static const char *const layers[] = { WRIT_LAYERS(X) };
static const char *const states[] = { WRIT_STATES(X) };
#undef X

#define X(id, name) [GUARD_##id] = name,
static const char *const guards[] = { GUARD_MODES(X) };
#undef X

#define X(id, bit, name) { bit, name },
static const struct right rights_table[] = { WRIT_RIGHTS(X) };
#undef X

#define X(id, bit, name) +(bit)
_Static_assert(WRIT_R_ALL == 0 WRIT_RIGHTS(X), "WRIT_R_ALL is all rights, no bit twice");
#undef X

static const char *name_at(const char *const *names, unsigned n, unsigned x)
{
	return x < n ? names[x] : "?";
}

const char *writ_type_name(unsigned x)
{
	return name_at(types, NITEMS(types), x);
}

const char *writ_class_name(unsigned x)
{
	return name_at(classes, NITEMS(classes), x);
}

const char *writ_profile_name(unsigned x)
{
	return name_at(profiles, NITEMS(profiles), x);
}

const char *writ_layer_name(unsigned x)
{
	return name_at(layers, NITEMS(layers), x);
}

const char *writ_guard_name(unsigned x)
{
	return name_at(guards, NITEMS(guards), x);
}

const char *writ_state_name(unsigned x)
{
	return name_at(states, NITEMS(states), x);
}

/* Append @word to the list in @buf, as much of it as fits. */
static void list_add(char *buf, unsigned size, const char *word)
{
	size_t len = strlen(buf);

	if (len != 0 && len + 1 < size) {
		buf[len++] = ',';
		buf[len] = '\0';
	}
	strncat(buf, word, size - len - 1);
}

char *writ_rights_text(uint32_t rights, char *buf, unsigned size)
{
	if (size == 0)
		return buf;
	buf[0] = '\0';
	for (size_t i = 0; i < NITEMS(rights_table); i++) {
		if (rights & rights_table[i].bit)
			list_add(buf, size, rights_table[i].name);
	}
	if (rights & ~(uint32_t)WRIT_R_ALL)
		list_add(buf, size, "?");
	if (rights == 0)
		list_add(buf, size, "none");
	return buf;
}

uint32_t writ_right_parse(const char *name)
{
	for (size_t i = 0; i < NITEMS(rights_table); i++) {
		if (strcmp(name, rights_table[i].name) == 0)
			return rights_table[i].bit;
	}
	return 0;
}

/* An error's number may carry a sign; INT_MIN has no positive twin. */
static unsigned magnitude(int err)
{
	return err < 0 ? 0u - (unsigned)err : (unsigned)err;
}

const char *writ_strerror(int err)
{
	switch (magnitude(err)) {
#define X(name, num, text) \
	case num: return text;
		WRIT_ERRORS(X)
#undef X
	default: return "unknown error";
	}
}

const char *writ_errname(int err)
{
	switch (magnitude(err)) {
#define X(name, num, text) \
	case num: return #name;
		WRIT_ERRORS(X)
#undef X
	default: return "?";
	}
}
