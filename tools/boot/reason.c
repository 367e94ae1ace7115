/* SPDX-License-Identifier: MIT */
/*
 * Looks for a reason: see reason.h. What a file says of the kernel explains a refusal
 * here; whether a layer can be had is only ever decided by trying.
 */
#include "tools/boot/reason.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define BTF "/sys/kernel/btf/vmlinux"

struct sentence {
	char *buf;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static bool say(struct sentence *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->buf, s->size, fmt, ap);
	va_end(ap);
	return true;
}

static bool older(unsigned major, unsigned minor, char release[65])
{
	unsigned a = 0, b = 0;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &a, &b) != 2)
		return false;
	snprintf(release, 65, "%s", u.release);
	return a < major || (a == major && b < minor);
}

/* Is there something in the file at @path that contains @word? */
static bool file_has(const char *path, const char *word)
{
	char line[256] = "";
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return strstr(line, word) != NULL;
}

/* CAP_SYS_ADMIN stands for them all. */
static bool lacks_caps(struct sentence *s, enum writ_layer layer)
{
	static const unsigned wanted[] = { CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN };
	bool sockets = layer == WRIT_LAYER_EBPF_SOCKETS || layer == WRIT_LAYER_EBPF_UNIX;
	char names[64] = "";
	size_t n = 0;

	capng_get_caps_process();
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, wanted[i]) || (i == 2 && !sockets))
			continue;
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%sCAP_%s", n > 0 ? ", " : "",
		    i == 0       ? "BPF"
			: i == 1 ? "PERFMON"
				 : "NET_ADMIN");
	}
	return n > 0 && say(s, "this process lacks %s", names);
}

/* The call itself, whatever is asked by it. */
static bool no_call(struct sentence *s)
{
	union bpf_attr none = { 0 };

	if (syscall(SYS_bpf, 0xffff, &none, sizeof(none)) >= 0 || errno == EINVAL)
		return false;
	return errno == ENOSYS ? say(s, "there is no bpf(2), or a filter refuses it")
			       : say(s, "bpf(2) is refused to this process: a container's filter?");
}

static bool no_hook(struct sentence *s, enum writ_layer layer)
{
	char release[65];

	if (layer == WRIT_LAYER_EBPF_UNIX && older(6, 7, release))
		return say(s, "it came with Linux 6.7; this is %s", release);
	if (layer != WRIT_LAYER_EBPF_LSM)
		return false;
	if (access("/sys/kernel/security/lsm", R_OK) == 0 &&
	    !file_has("/sys/kernel/security/lsm", "bpf"))
		return say(s, "bpf is not among the kernel's LSMs (lsm= of its command line)");
	return older(5, 7, release) && say(s, "it came with Linux 5.7; this is %s", release);
}

/* Before 5.11, maps counted as locked memory. */
static bool no_memory(struct sentence *s)
{
	char release[65];
	struct rlimit r;

	return older(5, 11, release) && getrlimit(RLIMIT_MEMLOCK, &r) == 0 &&
	    r.rlim_cur != RLIM_INFINITY &&
	    say(s, "RLIMIT_MEMLOCK, %llu bytes, is too little", (unsigned long long)r.rlim_cur);
}

void reason_find(enum writ_layer layer, int err, const char *said, char *buf, size_t size)
{
	struct sentence s = { buf, size };
	bool refused = err == -EPERM || err == -EACCES;

	if ((refused || err == -ENOSYS) && (lacks_caps(&s, layer) || no_call(&s)))
		return;
	if (access(BTF, R_OK) < 0 && say(&s, "no BTF: %s is not there", BTF))
		return;
	if (no_hook(&s, layer) || ((refused || err == -ENOMEM) && no_memory(&s)))
		return;
	if (refused && file_has("/sys/kernel/security/lockdown", "[confidentiality]") &&
	    say(&s, "the kernel is locked down (confidentiality)"))
		return;
	if (refused)
		say(&s, "no capability is missing: this kernel refuses such programs to all");
	else
		say(&s, "%s", *said != '\0' ? said : "no reason is known");
}
