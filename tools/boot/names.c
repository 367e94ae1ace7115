// SPDX-License-Identifier: MIT
/* Names of system calls, by number, from <asm/unistd_64.h>. */
#include "tools/boot/names.h"
#include <bpf/bpf.h>
#include <stdint.h>
#include <string.h>
#include <writ/guard.h>

#define CALL(nr, text) [nr] = { #text },
#define GAP(nr, n)
static const struct call_name names[64 * GUARD_CALLS_WORDS] = {
#include "boot/names.h"
};

const char *names_call(unsigned nr)
{
	return nr < sizeof(names) / sizeof(names[0]) && names[nr].name[0] != 0 ? names[nr].name
									       : NULL;
}

int names_fill(int fd)
{
	for (uint32_t nr = 0; nr < sizeof(names) / sizeof(names[0]); nr++) {
		int r = names[nr].name[0] != 0 ? bpf_map_update_elem(fd, &nr, &names[nr], BPF_ANY)
					       : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
